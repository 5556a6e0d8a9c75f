/** `banger bench`: times what a user does on this host, and the phases of a `vm run`. */
import { fail } from "../../base/errors/error.ts";
import { withArtifacts } from "../../client/artifacts/missing.ts";
import type { Phase } from "../../model/event.ts";
import { cancellable } from "../abort.ts";
import { phasesOf, reportedPhases, type Timed, timedOf } from "../bench-times.ts";
import type { CliContext } from "../context.ts";
import { type CreateFlags, createRequest } from "../create-request.ts";
import { type EventSink, specFirst } from "../ui/events.ts";
import { table } from "../ui/table.ts";
import { print, printJson, rootWarning, running, sinkOf } from "../work.ts";

type BenchFlags = Pick<CreateFlags, "image" | "kernel" | "vcpu" | "memory" | "disk" | "network" | "vmm" | "json"> & {
  runs?: number;
};

type Bench = { context: CliContext; flags: BenchFlags; runs: number; sink: EventSink; signal: AbortSignal };

export async function bench(this: CliContext, flags: BenchFlags): Promise<void> {
  const sink = specFirst(sinkOf(this, flags));
  await running(this, flags, async () => {
    for (const note of rootWarning(this)) sink.emit(note);
    const measured = await cancellable(this.signals, (signal) =>
      measure({ context: this, flags, runs: flags.runs ?? 5, sink, signal }),
    ).finally(() => sink.done());
    if (flags.json) printJson(this, measured);
    else
      print(
        this,
        `${measured.vmm}\n\n${timesTable(measured.times)}\nphases of \`vm run --rm -- true\`:\n${phaseTable(measured.phases)}`,
      );
  }).finally(() => sink.done());
}

type Measured = {
  /** driver, version and accelerator of the VMs: `qemu 7.2.22 tcg` */
  vmm: string;
  times: Timed[];
  phases: Timed[];
};

async function measure(bench: Bench): Promise<Measured> {
  const { context, flags, sink, signal } = bench;
  const request = createRequest(flags);
  // artifacts that are made only once are not measured
  const template = await withArtifacts(context, sink.emit, signal, () =>
    context.api.work("warmTemplate", { body: request }, sink.emit, signal),
  );
  const version = await repeat(bench, "banger --version", ["--version"]);
  const run = await repeat(bench, "vm run --rm -- true", [
    "vm",
    "run",
    "--rm",
    "--json",
    ...kindOf(flags),
    "--",
    "true",
  ]);
  const name = `bench-${context.now().toString(36)}`;
  const made = await context.api.work(
    "createVm",
    { body: { ...request, name, start: true, hold: true } },
    () => {},
    signal,
  );
  try {
    const exec = await repeat(bench, "vm exec VM -- true", ["vm", "exec", name, "--", "true"]);
    const wake = await suspended(bench, name);
    const fork = await forked(bench, name);
    const times = [version, run, exec, ...wake, ...fork].map(({ what, ms }) => timedOf(what, ms));
    return { vmm: template.value.facts.vmm, times, phases: phasesOf(run.events) };
  } finally {
    made.close();
  }
}

type Repeated = { what: string; ms: number[]; events: Phase[][] };

/** Runs this program as a user would. @throws BENCH_FAILED */
async function repeat(
  { context, runs, sink, signal }: Bench,
  what: string,
  args: readonly string[],
): Promise<Repeated> {
  const repeated: Repeated = { what, ms: [], events: [] };
  // the first run finds cold caches and is not counted
  for (let left = runs; left >= 0; left--) {
    signal.throwIfAborted();
    sink.emit({ kind: "progress", step: "bench", text: `timing ${what}` });
    const ended = await context.runSelf(args);
    if (ended.code !== 0) throw benchFailed(what, ended.stderr);
    if (left === runs) continue;
    repeated.ms.push(ended.ms);
    repeated.events.push(reportedPhases(ended.stderr));
  }
  return repeated;
}

function benchFailed(what: string, stderr: string): Error {
  return fail("BENCH_FAILED", { what, reason: stderr.trim().split("\n").at(-1) ?? "" });
}

async function suspended({ context, runs, signal }: Bench, name: string): Promise<{ what: string; ms: number[] }[]> {
  const suspend: number[] = [];
  const wake: number[] = [];
  for (let run = 0; run < runs; run++) {
    suspend.push(await timed(context, () => context.api.work("suspendVm", { name }, () => {}, signal)));
    const woken = await context.runSelf(["vm", "exec", name, "--", "true"]);
    if (woken.code !== 0) throw benchFailed("waking a VM", woken.stderr);
    wake.push(woken.ms);
  }
  return [
    { what: "vm suspend VM", ms: suspend },
    { what: "vm exec VM -- true, suspended before", ms: wake },
  ];
}

async function forked({ context, runs, signal }: Bench, name: string): Promise<{ what: string; ms: number[] }[]> {
  const fork: number[] = [];
  const remove: number[] = [];
  for (let run = 0; run < runs; run++) {
    const begun = context.sinceStart();
    const { value } = await context.api.work("forkVm", { name, body: {} }, () => {}, signal);
    fork.push(context.sinceStart() - begun);
    for (const child of value)
      remove.push(await timed(context, () => context.api.json("deleteVm", { name: child.name })));
  }
  return [
    { what: "vm fork VM", ms: fork },
    { what: "vm delete VM", ms: remove },
  ];
}

async function timed({ sinceStart }: CliContext, work: () => Promise<unknown>): Promise<number> {
  const begun = sinceStart();
  await work();
  return sinceStart() - begun;
}

/** The flags that define the VM, as they were given. */
function kindOf({ image, kernel, vcpu, memory, disk, network, vmm }: BenchFlags): string[] {
  const bytes = (value: number | undefined, unit: number) => (value === undefined ? undefined : `${value * unit}B`);
  const given = { image, kernel, vcpu, memory: bytes(memory, 1024 * 1024), disk: bytes(disk, 1), network, vmm };
  return Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}`, String(value)]));
}

function timesTable(times: readonly Timed[]): string {
  return table([
    ["WHAT", "MEDIAN", "MIN", "MAX"],
    ...times.map(({ what, median, min, max }) => [what, ...[median, min, max].map(shown)]),
  ]);
}

function phaseTable(phases: readonly Timed[]): string {
  return table(phases.map(({ what, median }) => [`  ${what}`, shown(median)]));
}

function shown(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
