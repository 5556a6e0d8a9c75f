/** One way of bringing a VM up: boot it, restore a save, or take over a VM that is held ready. */
import { Deferred, orAborted, withTimeout } from "../base/async.ts";
import { fail } from "../base/errors/error.ts";
import type { VmRecord } from "../model/vm.ts";
import type { OpenChange } from "../store/journal.ts";
import type { RunningVm } from "../vmm/driver.ts";
import { bootSpec } from "./boot-spec.ts";
import type { Context } from "./context.ts";
import type { GuestInheritance } from "./deps.ts";
import { sayingDiskFull, stopError } from "./disk-full.ts";
import { greet } from "./greet.ts";
import { growGuest } from "./grow.ts";
import { holdLive, type LiveVm } from "./live.ts";
import type { Origin, SavedOrigin } from "./origin.ts";
import type { Phases } from "./phases.ts";
import { noteNetwork, type Prepared, prepareBoot } from "./prepare.ts";
import { wantSpare } from "./spare.ts";
import type { Spare } from "./spares.ts";
import { EndedEarly } from "./start-failure.ts";
import type { Start, StartPlan, Way } from "./start-plan.ts";
import { tell } from "./state.ts";
import { noteUse } from "./templates.ts";
import { isOverWithin } from "./within.ts";

/** @throws whatever stands in the way: what was begun is left to the caller to undo */
export function bring(ctx: Context, start: Start, way: Way, plan: StartPlan): Promise<LiveVm> {
  const work = () => bringUp(ctx, start, way, plan);
  return way.kind === "save" ? inTurn(ctx, plan.signal, work) : work();
}

/**
 * A restore is short and takes a CPU: twenty in turns are all done sooner than twenty at once, the first ones long before.
 * One that takes long does not keep the others waiting.
 */
async function inTurn<T>(ctx: Context, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  let working: Promise<T> | undefined;
  await ctx.restores.run(signal, async () => {
    working = work();
    await isOverWithin(ctx, working, ctx.timings.restoreTurnMs);
  });
  return working as Promise<T>;
}

async function bringUp(ctx: Context, start: Start, way: Way, plan: StartPlan): Promise<LiveVm> {
  const { vm, change, phases } = start;
  if (way.kind === "save") phases.mark("turn");
  const inherited = await (way.kind === "spare" ? takeOver(ctx, start, way) : launch(ctx, start, way, plan));
  const live = start.live as LiveVm;
  phases.mark(way.kind === "save" ? "load" : "vmm");
  const goesOn = way.kind === "save" && way.goesOn;
  // a VM that goes on is not given up because its user is gone: what ran in it would be lost
  const signal = goesOn ? (plan.interrupted ?? new AbortController().signal) : plan.signal;
  const limitMs = way.kind === "cold" ? ctx.timings.agentMs : ctx.timings.restoredAgentMs;
  await reachAgent(ctx, vm, live, { inherited, goesOn, signal, phases, limitMs });
  if (way.kind === "save") await growGuest(ctx, live, vm, way);
  finishStart(ctx, vm, change, phases.after(howOf(way)));
  plan.emit(phases.event());
  noteTemplate(ctx, vm, way);
  return live;
}

function howOf(way: Way): string {
  if (way.kind === "cold") return `cold (${way.why})`;
  return way.kind === "spare" ? `taken over from ${way.what}, held ready` : `restored from ${way.what}`;
}

function noteTemplate(ctx: Context, { spec, ephemeral }: VmRecord, way: Way): void {
  const key = way.kind === "spare" ? way.key : way.kind === "save" ? way.template : null;
  if (!key) return;
  noteUse(ctx, key);
  wantSpare(ctx, { key, spec, ephemeral });
}

async function takeOver(ctx: Context, start: Start, spare: Spare): Promise<GuestInheritance> {
  const { vm, phases } = start;
  const { disk } = ctx.paths.vm(vm.id);
  const [diskStamp] = await ctx.files.changeStamps([disk]);
  if (diskStamp !== spare.diskStamp)
    throw fail("SAVE_DAMAGED", { path: disk, problem: "was written to while its VM stood still" });
  const inherited = await ctx.inheritance();
  if (spare.net) noteNetwork(ctx, vm, spare.net);
  phases.mark("network");
  hold(ctx, start, spare.running, { isWarm: true, session: spare.session });
  spare.handOver();
  await spare.running.resume();
  return inherited;
}

async function launch(
  ctx: Context,
  start: Start,
  way: Exclude<Way, Spare>,
  plan: StartPlan,
): Promise<GuestInheritance> {
  const { vm, phases } = start;
  const work = [
    prepareBoot(ctx, vm, plan.emit, { artifacts: plan.artifacts, isCold: way.kind === "cold" }),
    way.hasDisk ? null : makeDisk(ctx, vm, way),
  ] as const;
  // all of it, even when one part fails: nothing is still being made while the failure is cleared away
  await Promise.allSettled(work);
  const [prepared] = await Promise.all(work);
  phases.mark("network");
  plan.signal.throwIfAborted();
  if (way.kind === "cold") await boot(ctx, start, prepared, plan);
  else await restore(ctx, start, prepared, way, plan);
  return prepared.inherited;
}

async function makeDisk(ctx: Context, { id, name, spec }: VmRecord, way: Origin): Promise<void> {
  const { disk } = ctx.paths.vm(id);
  await sayingDiskFull(ctx, disk, `making the disk of "${name}"`, async () => {
    if (way.kind === "cold") await ctx.createDisk(disk, spec.diskBytes);
    else if (way.disk) await ctx.copySparse(way.disk.path, disk, spec.diskBytes);
  });
}

async function boot(ctx: Context, start: Start, prepared: Prepared, plan: StartPlan): Promise<void> {
  plan.emit({ kind: "progress", step: "boot", text: "booting" });
  await giveUpSave(ctx, start);
  const running = await ctx.driver.boot(specOf(ctx, start.vm, prepared), plan.signal);
  await holdOrKill(ctx, start, running, { isWarm: false });
}

async function restore(
  ctx: Context,
  start: Start,
  prepared: Prepared,
  origin: SavedOrigin,
  plan: StartPlan,
): Promise<void> {
  plan.emit({ kind: "progress", step: "restore", text: `restoring from ${origin.what}` });
  start.change.step("restore");
  start.isRestoring = true;
  const started = () => start.phases.mark("vmm");
  const running = await ctx.driver.restore(origin.save, specOf(ctx, start.vm, prepared), plan.signal, started);
  await holdOrKill(ctx, start, running, { isWarm: true, goesOn: origin.goesOn });
  await running.resume();
}

/** What a suspended VM's memory knows of its disk is wrong from the first instruction of a boot on. */
async function giveUpSave(ctx: Context, { vm, change }: Start): Promise<void> {
  ctx.store.transaction(() => {
    ctx.store.vms.change(vm.id, { suspended: null });
    change.step("boot");
  });
  if (vm.suspended) await ctx.files.removeTree(ctx.paths.suspended(vm.id).directory);
}

function specOf(ctx: Context, vm: VmRecord, { image, initramfs, net }: Prepared) {
  return bootSpec(ctx.paths, { vm, image, initramfs, net: net?.device ?? null });
}

/** Of a start whose guest was this VM's before: it keeps its boot id. */
export const greetAgain = "greet again";

type Holding = Parameters<typeof holdLive>[3] & { goesOn?: boolean };

async function holdOrKill(ctx: Context, start: Start, running: RunningVm, how: Holding): Promise<void> {
  try {
    hold(ctx, start, running, how);
  } catch (error) {
    await running.kill();
    throw error;
  }
}

/** From here on the next daemon finds it. What the VM was suspended as is over: its guest goes on from here. */
function hold(ctx: Context, start: Start, running: RunningVm, { goesOn = false, ...how }: Holding): void {
  const { vm, change, creating } = start;
  ctx.store.transaction(() => {
    ctx.store.processes.setVmm(vm.id, running.record);
    ctx.store.vms.change(vm.id, { suspended: null });
    creating?.end();
    change.step(goesOn ? greetAgain : "greet");
  });
  start.creating = null;
  start.live = holdLive(ctx, vm.id, running, how);
}

export type Greeting = {
  inherited: GuestInheritance;
  /** as `composeIdentity` has it */
  goesOn: boolean;
  signal: AbortSignal;
  phases?: Phases;
  /** for all of it, in `ms` */
  limitMs: number;
};

/** @throws EndedEarly, AGENT_UNREACHABLE, DISK_FULL or VM_FAILED when its VMM stops it, the signal's reason */
export async function reachAgent(
  ctx: Context,
  vm: VmRecord,
  live: LiveVm,
  { inherited, goesOn, signal, phases, limitMs }: Greeting,
): Promise<void> {
  const ended = live.exit.then((exit) => {
    throw new EndedEarly(exit);
  });
  ended.catch(() => {});
  const stopped = new Deferred<never>();
  live.onStop = (stop) => {
    void stopError(ctx, stop, vm.name, `starting "${vm.name}"`).then((error) => stopped.reject(error));
  };
  const already = live.vm.stopped();
  if (already) live.onStop(already);
  const late = () =>
    fail("AGENT_UNREACHABLE", { name: vm.name, reason: `no answer within ${Math.round(limitMs / 1000)} s` });
  const greeted = live.session.client(limitMs).then(() => {
    phases?.mark("agent");
    return greet(ctx, live, vm, inherited, goesOn);
  });
  try {
    await orAborted(Promise.race([withTimeout(greeted, limitMs, late), ended, stopped.promise]), signal);
  } finally {
    live.onStop = () => {};
  }
  phases?.mark("identity");
}

/** Writes that the VM is up; the change is over. */
export function finishStart(ctx: Context, vm: VmRecord, change: OpenChange, how: string): void {
  ctx.store.transaction(() => {
    const startedAt = ctx.clock.now();
    const now = { state: "running", startedAt, startedHow: how, failure: null, suspended: null } as const;
    ctx.store.vms.change(vm.id, now);
    change.end();
  });
  tell(ctx, vm.id, "");
  if (vm.suspended) ctx.background("removing a save", ctx.files.removeTree(ctx.paths.suspended(vm.id).directory));
}
