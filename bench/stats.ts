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
  reach: Reach;
};

/** The largest ratio to the floor, the largest figure (in the row's unit), or both: then both count. */
export type Reach = { ratio: number; ms?: number } | { ratio?: number; ms: number };

/** One that has no figures yet. */
export function rowOf(row: Pick<Row, "what" | "reach"> & Partial<Row>): Row {
  return { floorWhat: "", ours: [], floor: [], allowance: 0, ...row };
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? high) + high) / 2;
}

/** The smallest value that at least that part of all values does not exceed. @param part as 0.99 */
export function quantile(values: number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

export function ratio(row: Row): number | null {
  return row.floor.length === 0 ? null : (median(row.ours) - row.allowance) / median(row.floor);
}

export function reached(row: Row): boolean {
  const { ratio: wanted = Number.POSITIVE_INFINITY, ms = Number.POSITIVE_INFINITY } = row.reach;
  const isFloorMissing = row.reach.ratio !== undefined && row.floor.length === 0;
  return !isFloorMissing && (ratio(row) ?? 0) <= wanted && median(row.ours) <= ms;
}

export function table(rows: Row[]): string {
  const cells = rows.map((row) => [
    row.what,
    `${spread(row.ours)}${row.unit ? ` ${row.unit}` : ""}`,
    row.floor.length === 0 ? "-" : `${spread(row.floor)} ${row.floorWhat}`,
    ratio(row)?.toFixed(2) ?? "-",
    reachText(row),
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

function reachText({ reach, unit }: Row): string {
  const limits = [
    ...(reach.ratio === undefined ? [] : [`${reach.ratio}`]),
    ...(reach.ms === undefined ? [] : [`${reach.ms} ${unit ?? "ms"}`]),
  ];
  return `<= ${limits.join(", ")}`;
}

function spread(values: number[]): string {
  return `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)}-${Math.max(...values).toFixed(1)})`;
}
