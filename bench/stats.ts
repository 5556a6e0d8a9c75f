/** Medians, ratios and their table. */

/** `seconds` of paired runs; `floor` was measured in turn with `ours`. */
export type Row = {
  what: string;
  floorWhat: string;
  /** of the figures; `ms` when it isn't said */
  unit?: "MiB";
  /** in `ms` or `unit`, one for each run */
  ours: number[];
  floor: number[];
  /** subtracted from ours before the ratio is taken, in `ms` */
  allowance: number;
  /** the largest ratio, or the largest figure where there is no floor */
  reach: { ratio: number } | { ms: number };
};

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? high) + high) / 2;
}

export function ratio(row: Row): number | null {
  return row.floor.length === 0 ? null : (median(row.ours) - row.allowance) / median(row.floor);
}

export function reached(row: Row): boolean {
  return "ms" in row.reach
    ? median(row.ours) <= row.reach.ms
    : (ratio(row) ?? Number.POSITIVE_INFINITY) <= row.reach.ratio;
}

export function table(rows: Row[]): string {
  const cells = rows.map((row) => [
    row.what,
    `${spread(row.ours)}${row.unit ? ` ${row.unit}` : ""}`,
    row.floor.length === 0 ? "-" : `${spread(row.floor)} ${row.floorWhat}`,
    ratio(row)?.toFixed(2) ?? "-",
    "ms" in row.reach ? `<= ${row.reach.ms} ${row.unit ?? "ms"}` : `<= ${row.reach.ratio}`,
    reached(row) ? "yes" : "NO",
  ]);
  const all = [["what", "median (min-max) ms", "floor", "ratio", "reach", "reached"], ...cells];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0))) ?? [];
  return all
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function spread(values: number[]): string {
  return `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)}-${Math.max(...values).toFixed(1)})`;
}
