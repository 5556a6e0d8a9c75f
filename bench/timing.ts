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

/** Something that goes in and comes out: ours and its floor, each in `ms`. */
export type BothWays = { in: { ours: number; floor: number }; out: { ours: number; floor: number } };

/** Measures both ways in turn. The first time only warms what is asked. */
export async function measureBothWays(
  into: Row,
  out: Row,
  runs: number,
  once: () => Promise<BothWays>,
): Promise<Row[]> {
  await once();
  for (let run = 0; run < runs; run++) {
    const taken = await once();
    into.floor.push(taken.in.floor);
    into.ours.push(taken.in.ours);
    out.floor.push(taken.out.floor);
    out.ours.push(taken.out.ours);
    say(into);
    say(out);
  }
  return [into, out];
}
