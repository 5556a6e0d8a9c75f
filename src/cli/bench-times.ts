/** Reduces measurements to the few numbers that people compare. Pure. */
import type { Phase, WorkEvent } from "../model/event.ts";

/** All in `ms`. */
export type Timed = { what: string; median: number; min: number; max: number };

export function timedOf(what: string, ms: readonly number[]): Timed {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? 0;
  const middle = sorted.length / 2;
  const median = sorted.length % 2 === 1 ? at(Math.floor(middle)) : (at(middle - 1) + at(middle)) / 2;
  return { what, median, min: at(0), max: at(sorted.length - 1) };
}

/** The name of each phase in the table, in the order in which the phases occur. */
const names: readonly [phase: string, shown: string][] = [
  ["cli.begin", "CLI start"],
  ["api", "API and events"],
  ["decide", "name and sizes"],
  ["image", "image, kernel, initramfs checked"],
  ["warm", "warm VM taken"],
  ["record", "record"],
  ["template", "template found"],
  ["turn", "waiting for its turn"],
  ["network", "disk and network"],
  ["vmm", "VMM start"],
  ["load", "state load"],
  ["agent", "agent answers"],
  ["identity", "identity"],
  ["cli.enter", "session"],
  ["cli.command", "exec"],
  ["cli.end", "teardown"],
];

/** @param runs the phases of each run, the daemon's and the CLI's own; `cli.start` includes all of the daemon's */
export function phasesOf(runs: readonly (readonly Phase[])[]): Timed[] {
  const of = (run: readonly Phase[], name: string) => run.find((phase) => phase.name === name)?.ms ?? 0;
  const api = (run: readonly Phase[]) => {
    const daemons = run.filter(({ name }) => !name.startsWith("cli.")).reduce((sum, { ms }) => sum + ms, 0);
    return Math.max(0, of(run, "cli.start") - daemons);
  };
  return names.map(([phase, shown]) =>
    timedOf(
      shown,
      runs.map((run) => (phase === "api" ? api(run) : of(run, phase))),
    ),
  );
}

/** The phases that a command reported. @param stderr of a command that was run with `--json` */
export function reportedPhases(stderr: string): Phase[] {
  const events = stderr.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as WorkEvent] : []));
  return events.flatMap((event) => (event.kind === "timing" ? event.phases : []));
}
