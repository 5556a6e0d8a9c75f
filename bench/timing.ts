/** Taking the time of work, and telling how far a row is. */
import { median, type Row } from "./stats.ts";

/** In `ms`. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

export async function times(what: string, count: number, once: () => Promise<number>): Promise<number[]> {
  const values: number[] = [];
  for (let run = 0; run < count; run++) values.push(await once());
  console.log(`${what}: ${median(values).toFixed(1)} ms`);
  return values;
}

/** The figures that came last. */
export function say(row: Row): void {
  const unit = row.unit ?? "ms";
  const floor = row.floor.length === 0 ? "" : `, floor ${row.floor.at(-1)?.toFixed(0)} ${unit}`;
  console.log(`${row.what}: ${row.ours.at(-1)?.toFixed(0)} ${unit}${floor}`);
}
