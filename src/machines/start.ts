/** A cold start: prepare, boot, greet. The caller holds the VM's operation. */
import { orAborted, withTimeout } from "../base/async.ts";
import { fail } from "../base/errors/error.ts";
import type { Emit } from "../model/event.ts";
import type { VmRecord } from "../model/vm.ts";
import type { OpenChange } from "../store/journal.ts";
import type { ReadyArtifacts } from "./artifacts.ts";
import { bootSpec } from "./boot-spec.ts";
import type { Context } from "./context.ts";
import type { GuestInheritance } from "./deps.ts";
import { greet } from "./greet.ts";
import { holdLive, type LiveVm } from "./live.ts";
import { Phases } from "./phases.ts";
import { type Prepared, prepareBoot } from "./prepare.ts";
import { EndedEarly, failedStart } from "./start-failure.ts";
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
    const prepared = await prepareBoot(ctx, vm, plan.emit, plan.artifacts);
    phases.mark("prepare");
    plan.signal.throwIfAborted();
    live = await boot(ctx, vm, prepared, change, plan);
    phases.mark("vmm");
    await reachAgent(ctx, vm, live, prepared.inherited, plan.signal);
    phases.mark("agent");
  } catch (error) {
    throw await failedStart(ctx, vm, live, change, { error, signal: plan.signal });
  }
  finishStart(ctx, vm, change, phases.toString());
  return live;
}

/** Writes that the VM is up; the change is over. */
function finishStart(ctx: Context, vm: VmRecord, change: OpenChange, how: string): void {
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

async function boot(
  ctx: Context,
  vm: VmRecord,
  prepared: Prepared,
  change: OpenChange,
  plan: StartPlan,
): Promise<LiveVm> {
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

/** @throws EndedEarly, AGENT_UNREACHABLE, the signal's reason */
async function reachAgent(
  ctx: Context,
  vm: VmRecord,
  live: LiveVm,
  inherited: GuestInheritance,
  signal: AbortSignal,
): Promise<void> {
  const ended = live.exit.then((exit) => {
    throw new EndedEarly(exit);
  });
  ended.catch(() => {});
  const limit = ctx.timings.agentMs;
  const late = () =>
    fail("AGENT_UNREACHABLE", { name: vm.name, reason: `no answer within ${Math.round(limit / 1000)} s` });
  await orAborted(Promise.race([withTimeout(greet(ctx, live, vm, inherited), limit, late), ended]), signal);
}

/** A start that another daemon began and whose VMM still runs: greet it and finish. */
export async function resumeStart(ctx: Context, vm: VmRecord, live: LiveVm, change: OpenChange): Promise<void> {
  const signal = new AbortController().signal;
  try {
    await reachAgent(ctx, vm, live, await ctx.inheritance(), signal);
  } catch (error) {
    throw await failedStart(ctx, vm, live, change, { error, signal });
  }
  finishStart(ctx, vm, change, "cold: adopted while starting");
}
