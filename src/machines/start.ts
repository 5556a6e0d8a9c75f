/** A cold start: prepare, boot, greet. The caller holds the VM's operation. */
import { orAborted, withTimeout } from "../base/async.ts";
import { type BangerError, fail, toBangerError } from "../base/errors/error.ts";
import type { ImageRecord } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import type { VmRecord } from "../model/vm.ts";
import type { OpenChange } from "../store/journal.ts";
import type { VmExit } from "../vmm/driver.ts";
import { prepareArtifacts, type ReadyArtifacts } from "./artifacts.ts";
import { bootSpec } from "./boot-spec.ts";
import { agentComplaint, consoleTail } from "./console.ts";
import type { Context } from "./context.ts";
import { type Ending, endingOf, writeEnding } from "./ended.ts";
import { greet } from "./greet.ts";
import { holdLive, type LiveVm } from "./live.ts";
import { Phases } from "./phases.ts";
import { freshVm, tell } from "./state.ts";

export type StartPlan = {
  emit: Emit;
  signal: AbortSignal;
  /** made ready already, when the VM is created and started in one go */
  artifacts?: ReadyArtifacts;
};

/**
 * The VM is `running` afterwards and its agent serves. On failure before the guest's first instruction the VM is
 * `stopped` again; after it, `failed` with reason and console.
 * @throws what preparing threw, VM_BOOT_FAILED, VM_CANCELLED
 */
export async function startVm(ctx: Context, stale: VmRecord, plan: StartPlan): Promise<LiveVm> {
  const phases = new Phases(ctx.clock);
  const { vm, change } = beginStart(ctx, stale);
  let live: LiveVm | undefined;
  try {
    const prepared = await prepare(ctx, vm, plan);
    phases.mark("prepare");
    plan.signal.throwIfAborted();
    live = await boot(ctx, vm, prepared, change, plan);
    phases.mark("vmm");
    await reachAgent(ctx, vm, live, plan.signal);
    phases.mark("agent");
  } catch (error) {
    throw await failedStart(ctx, vm, live, change, { error, signal: plan.signal });
  }
  finishStart(ctx, vm, change, phases.toString());
  return live;
}

/** Writes that the VM is up; the change is over. */
export function finishStart(ctx: Context, vm: VmRecord, change: OpenChange, how: string): void {
  ctx.store.transaction(() => {
    ctx.store.vms.change(vm.id, { state: "running", startedAt: ctx.clock.now(), startedHow: how, failure: null });
    change.end();
  });
  tell(ctx, vm.id, "");
}

function beginStart(ctx: Context, stale: VmRecord): { vm: VmRecord; change: OpenChange } {
  const change = ctx.store.transaction(() => {
    const generation = freshVm(ctx, stale).generation + 1;
    ctx.store.vms.change(stale.id, { state: "starting", generation, failure: null, startedAt: null });
    ctx.store.processes.clear(stale.id);
    return ctx.store.journal.begin("start", stale.id, "prepare");
  });
  tell(ctx, stale.id, "");
  return { vm: freshVm(ctx, stale), change };
}

type Prepared = { image: ImageRecord; initramfs: string; net: Awaited<ReturnType<Context["network"]["prepare"]>> | null };

/** Everything that a boot needs, side by side. */
async function prepare(ctx: Context, vm: VmRecord, plan: StartPlan): Promise<Prepared> {
  const [artifacts, net] = await allOrFirstError([
    plan.artifacts ?? prepareArtifacts(ctx, vm.spec),
    vm.spec.network === "user" ? prepareNetwork(ctx, vm, plan.emit) : null,
  ]);
  return { ...artifacts, net };
}

async function prepareNetwork(ctx: Context, vm: VmRecord, emit: Emit): Promise<Prepared["net"]> {
  const net = await ctx.network.prepare(ctx.paths.vm(vm.id));
  ctx.store.transaction(() => {
    if (net.process) ctx.store.processes.setNetwork(vm.id, net.process);
    ctx.store.identities.setNetwork(vm.id, net.identity);
  });
  if (net.note) emit({ kind: "note", level: "warn", text: net.note });
  return net;
}

/** Waits for both even when one fails, so that nothing is still being made while the failure is cleared away. */
async function allOrFirstError<A, B>(work: [A, B]): Promise<[Awaited<A>, Awaited<B>]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

async function boot(ctx: Context, vm: VmRecord, prepared: Prepared, change: OpenChange, plan: StartPlan): Promise<LiveVm> {
  plan.emit({ kind: "progress", step: "boot", text: "booting" });
  change.step("boot");
  const { image, initramfs } = prepared;
  const spec = bootSpec(ctx.paths, { vm, image, initramfs, net: prepared.net?.device ?? null });
  const running = await ctx.driver.boot(spec, plan.signal);
  try {
    ctx.store.transaction(() => {
      ctx.store.processes.setVmm(vm.id, running.record);
      change.step("greet");
    });
  } catch (error) {
    await running.kill();
    throw error;
  }
  return holdLive(ctx, vm.id, running);
}

/** @throws VM_BOOT_FAILED, the signal's reason */
export async function reachAgent(ctx: Context, vm: VmRecord, live: LiveVm, signal: AbortSignal): Promise<void> {
  const ended = live.exit.then((exit) => {
    throw new EndedEarly(exit);
  });
  ended.catch(() => {});
  const limit = ctx.timings.agentMs;
  const late = () => fail("AGENT_UNREACHABLE", { name: vm.name, reason: `no answer within ${Math.round(limit / 1000)} s` });
  await orAborted(Promise.race([withTimeout(greet(ctx, live, vm, limit), limit, late), ended]), signal);
}

/** The VMM ended before the agent served. */
export class EndedEarly extends Error {
  readonly exit: VmExit;
  constructor(exit: VmExit) {
    super(`ended early: ${exit.kind}`);
    this.exit = exit;
  }
}

export type StartFailure = { error: unknown; signal: AbortSignal };

/** Ends what runs, writes what the VM is now, and gives the error to throw. */
export async function failedStart(
  ctx: Context,
  vm: VmRecord,
  live: LiveVm | undefined,
  change: OpenChange,
  failure: StartFailure,
): Promise<BangerError> {
  await ctx.unlessReleased();
  await live?.vm.kill();
  change.step("undo");
  if (failure.signal.aborted || !live) {
    const reason = failure.signal.aborted ? "the start was cancelled" : "the start could not be prepared";
    await writeEnding(ctx, vm, { state: "stopped", reason, failed: false }, change);
    if (failure.signal.aborted) return fail("VM_CANCELLED", { name: vm.name, during: "starting" }, failure.error);
    return toBangerError(failure.error);
  }
  const ending = await earlyEnding(ctx, vm, failure.error);
  // a VM whose guest never answered is kept, so that its console can be read
  ctx.store.vms.change(vm.id, { ephemeral: false });
  await writeEnding(ctx, vm, ending, change);
  return fail("VM_BOOT_FAILED", { name: vm.name, reason: ending.reason }, failure.error);
}

async function earlyEnding(ctx: Context, vm: VmRecord, error: unknown): Promise<Ending> {
  if (!(error instanceof EndedEarly)) return { state: "failed", reason: toBangerError(error).message, failed: true };
  const ending = endingOf(error.exit);
  if (ending.failed) return ending;
  const complaint = agentComplaint(await consoleTail(ctx, vm.id));
  const reason = complaint ?? `${ending.reason} before its agent answered`;
  return { state: "failed", reason, failed: true };
}

/** A start that another daemon began and whose VMM still runs: greet it and finish. */
export async function resumeStart(ctx: Context, vm: VmRecord, live: LiveVm, change: OpenChange): Promise<void> {
  const signal = new AbortController().signal;
  try {
    await reachAgent(ctx, vm, live, signal);
  } catch (error) {
    throw await failedStart(ctx, vm, live, change, { error, signal });
  }
  finishStart(ctx, vm, change, "cold: adopted while starting");
}
