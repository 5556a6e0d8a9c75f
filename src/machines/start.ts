/** Starting a VM, cold or from a save: prepare, boot or restore, greet. The caller holds the VM's operation. */
import { orAborted, withTimeout } from "../base/async.ts";
import { fail, toBangerError } from "../base/errors/error.ts";
import type { Emit } from "../model/event.ts";
import type { VmRecord } from "../model/vm.ts";
import type { OpenChange } from "../store/journal.ts";
import type { RunningVm } from "../vmm/driver.ts";
import type { ReadyArtifacts } from "./artifacts.ts";
import { bootSpec } from "./boot-spec.ts";
import type { Context } from "./context.ts";
import type { GuestInheritance } from "./deps.ts";
import { clearAway } from "./ended.ts";
import { greet } from "./greet.ts";
import { growGuest } from "./grow.ts";
import { holdLive, type LiveVm } from "./live.ts";
import { cold, type Origin, type SavedOrigin } from "./origin.ts";
import { Phases } from "./phases.ts";
import { type Prepared, prepareBoot } from "./prepare.ts";
import { EndedEarly, failedStart } from "./start-failure.ts";
import { freshVm, tell } from "./state.ts";
import { noteUse, removeTemplate } from "./templates.ts";

export type StartPlan = {
  emit: Emit;
  signal: AbortSignal;
  origin: Origin;
  /** made ready already, when the VM is created and started in one go */
  artifacts?: ReadyArtifacts;
  /** the VM's disk is a copy of the origin's already */
  hasDisk?: boolean;
  /** of the work that came before */
  phases?: Phases;
};

/**
 * The VM is `running` afterwards and its agent serves. On failure before the guest's first instruction the VM is
 * what it was; after it, `failed` with reason and console.
 * @throws what preparing threw, SAVE_VERSION, SAVE_DAMAGED, VM_BOOT_FAILED, VM_CANCELLED
 */
export async function startVm(ctx: Context, stale: VmRecord, plan: StartPlan): Promise<LiveVm> {
  const { vm, change } = beginStart(ctx, stale);
  const start = { vm, change, phases: plan.phases ?? new Phases(ctx.clock), live: null as LiveVm | null };
  try {
    return await bring(ctx, start, plan);
  } catch (error) {
    const why = await withoutTemplate(ctx, start, plan, error);
    if (why === null) throw await failedStart(ctx, vm, start.live ?? undefined, change, { error, signal: plan.signal });
    return await bringCold(ctx, start, plan, why);
  }
}

type Start = { vm: VmRecord; change: OpenChange; phases: Phases; live: LiveVm | null };

async function bring(ctx: Context, start: Start, plan: StartPlan): Promise<LiveVm> {
  const { vm, change, phases } = start;
  const { origin, signal } = plan;
  const work = [
    prepareBoot(ctx, vm, plan.emit, plan.artifacts),
    plan.hasDisk ? null : copyDisk(ctx, vm, origin),
  ] as const;
  await Promise.allSettled(work);
  const [prepared] = await Promise.all(work);
  phases.mark("network");
  signal.throwIfAborted();
  const live = await (origin.kind === "cold"
    ? boot(ctx, start, prepared, plan)
    : restore(ctx, start, prepared, origin, plan));
  phases.mark("vmm");
  await reachAgent(ctx, vm, live, prepared.inherited, signal, phases);
  if (origin.kind === "save") await growGuest(ctx, live, vm, origin);
  finishStart(ctx, vm, change, phases.after(howOf(origin)));
  plan.emit(phases.event());
  if (origin.kind === "save" && origin.template) noteUse(ctx, origin.template);
  return live;
}

function howOf(origin: Origin): string {
  return origin.kind === "cold" ? `cold (${origin.why})` : `restored from ${origin.what}`;
}

async function copyDisk(ctx: Context, vm: VmRecord, origin: Origin): Promise<void> {
  if (origin.kind === "save" && origin.disk)
    await ctx.copySparse(origin.disk.path, ctx.paths.vm(vm.id).disk, vm.spec.diskBytes);
}

/** A template that can't be restored helps nobody: it goes, and the VM boots. Null: the failure is not the template's. */
async function withoutTemplate(ctx: Context, start: Start, plan: StartPlan, error: unknown): Promise<string | null> {
  const { origin, signal, emit } = plan;
  if (signal.aborted || origin.kind !== "save" || !origin.template) return null;
  await ctx.unlessReleased();
  const why = toBangerError(error).message;
  emit({ kind: "note", level: "warn", text: `${origin.what} is thrown away, it can't be restored: ${why}` });
  start.change.step("undo");
  await start.live?.vm.kill();
  await clearAway(ctx, start.vm);
  ctx.store.processes.clear(start.vm.id);
  await removeTemplate(ctx, origin.template);
  return why;
}

async function bringCold(ctx: Context, start: Start, plan: StartPlan, why: string): Promise<LiveVm> {
  const { vm, change } = start;
  try {
    start.live = null;
    await ctx.createDisk(ctx.paths.vm(vm.id).disk, vm.spec.diskBytes);
    const origin = cold(`its template could not be restored: ${why}`);
    return await bring(ctx, start, { ...plan, origin });
  } catch (error) {
    throw await failedStart(ctx, vm, start.live ?? undefined, change, { error, signal: plan.signal });
  }
}

/** Writes that the VM is up; the change is over. */
function finishStart(ctx: Context, vm: VmRecord, change: OpenChange, how: string): void {
  ctx.store.transaction(() => {
    const now = {
      state: "running",
      startedAt: ctx.clock.now(),
      startedHow: how,
      failure: null,
      suspended: null,
    } as const;
    ctx.store.vms.change(vm.id, now);
    change.end();
  });
  tell(ctx, vm.id, "");
  if (vm.suspended) ctx.background("removing a save", ctx.files.removeTree(ctx.paths.suspended(vm.id).directory));
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

async function boot(ctx: Context, start: Start, prepared: Prepared, plan: StartPlan): Promise<LiveVm> {
  plan.emit({ kind: "progress", step: "boot", text: "booting" });
  start.change.step("boot");
  return hold(ctx, start, await ctx.driver.boot(specOf(ctx, start.vm, prepared), plan.signal), false);
}

async function restore(
  ctx: Context,
  start: Start,
  prepared: Prepared,
  origin: SavedOrigin,
  plan: StartPlan,
): Promise<LiveVm> {
  plan.emit({ kind: "progress", step: "restore", text: `restoring from ${origin.what}` });
  start.change.step("restore");
  const running = await ctx.driver.restore(origin.save, specOf(ctx, start.vm, prepared), plan.signal);
  const live = await hold(ctx, start, running, true);
  await running.resume();
  return live;
}

function specOf(ctx: Context, vm: VmRecord, { image, initramfs, net }: Prepared) {
  return bootSpec(ctx.paths, { vm, image, initramfs, net: net?.device ?? null });
}

/** From here on the next daemon finds it. What the VM was suspended as is over: its guest goes on from here. */
async function hold(ctx: Context, start: Start, running: RunningVm, isWarm: boolean): Promise<LiveVm> {
  const { vm, change } = start;
  try {
    ctx.store.transaction(() => {
      ctx.store.processes.setVmm(vm.id, running.record);
      ctx.store.vms.change(vm.id, { suspended: null });
      change.step("greet");
    });
  } catch (error) {
    await running.kill();
    throw error;
  }
  start.live = holdLive(ctx, vm.id, running, isWarm);
  return start.live;
}

/** @throws EndedEarly, AGENT_UNREACHABLE, the signal's reason */
async function reachAgent(
  ctx: Context,
  vm: VmRecord,
  live: LiveVm,
  inherited: GuestInheritance,
  signal: AbortSignal,
  phases?: Phases,
): Promise<void> {
  const ended = live.exit.then((exit) => {
    throw new EndedEarly(exit);
  });
  ended.catch(() => {});
  const limit = ctx.timings.agentMs;
  const late = () =>
    fail("AGENT_UNREACHABLE", { name: vm.name, reason: `no answer within ${Math.round(limit / 1000)} s` });
  const greeted = live.session.client(limit).then(() => {
    phases?.mark("agent");
    return greet(ctx, live, vm, inherited);
  });
  await orAborted(Promise.race([withTimeout(greeted, limit, late), ended]), signal);
  phases?.mark("identity");
}

/** A start that another daemon began and whose VMM still runs: greet it and finish. */
export async function resumeStart(ctx: Context, vm: VmRecord, live: LiveVm, change: OpenChange): Promise<void> {
  const signal = new AbortController().signal;
  try {
    // a restored one may not have begun to run
    await live.vm.resume();
    await reachAgent(ctx, vm, live, await ctx.inheritance(), signal);
    await growGuest(ctx, live, vm, null);
  } catch (error) {
    throw await failedStart(ctx, vm, live, change, { error, signal });
  }
  finishStart(ctx, vm, change, "adopted while it started");
}
