/** One attempt to launch a VM: boot it, restore a save, or take over a warm VM. */
import { Deferred, orAborted } from "../../base/async.ts";
import { fail } from "../../base/errors/error.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { OpenChange } from "../../store/journal.ts";
import type { RunningVm, VmmDriver } from "../../vmm/driver.ts";
import { bootSpec } from "../guest/boot-spec.ts";
import { stopError, withDiskFullError } from "../guest/disk-full-error.ts";
import { growGuest } from "../guest/grow.ts";
import type { GuestInheritance } from "../guest/host.ts";
import { identify } from "../guest/identify.ts";
import { addLive, type LiveVm } from "../guest/live.ts";
import { emitState, freshVm } from "../guest/state.ts";
import { isOverWithin, withLimit } from "../guest/within.ts";
import { noteUse } from "../templates/records.ts";
import type { SavedSource, StartSource } from "../templates/start-source.ts";
import { type WarmVm, wantWarm } from "../templates/warm.ts";
import type { StartContext } from "./context.ts";
import { EndedEarly } from "./failure.ts";
import { withWakeBegun } from "./kept-disk.ts";
import type { Phases } from "./phases.ts";
import { noteNetwork, type Prepared, prepareBoot } from "./prepare.ts";
import { type BegunStart, probeOf, type Start } from "./start.ts";

export type Attempt = WarmVm | StartSource;

/** @throws any failure; the caller undoes what was begun */
export function launch(ctx: StartContext, start: BegunStart, attempt: Attempt): Promise<LiveVm> {
  const work = () => launchNow(ctx, start, attempt);
  return attempt.kind === "save" ? inTurn(ctx, start.caller.signal, work) : work();
}

/**
 * A restore is short and uses a whole CPU: twenty in turns are all done sooner than twenty at once, and the first ones much
 * sooner. A slow one does not delay the others for more than `restoreTurnMs`.
 */
async function inTurn<T>(ctx: StartContext, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  let working: Promise<T> | undefined;
  await ctx.restores.run(signal, async () => {
    working = work();
    await isOverWithin(ctx, working, ctx.timings.restoreTurnMs);
  });
  return working as Promise<T>;
}

async function launchNow(ctx: StartContext, start: BegunStart, attempt: Attempt): Promise<LiveVm> {
  const { vm, change, phases, caller } = start;
  const sameMachine = attempt.kind === "save" && attempt.sameMachine;
  if (attempt.kind === "save") phases.mark("turn");
  const inherited =
    attempt.kind === "warm" ? await takeOver(ctx, start, attempt) : await launchVmm(ctx, start, attempt);
  const live = start.live as LiveVm;
  phases.mark(attempt.kind === "save" ? "load" : "vmm");
  // a VM that resumes is not cancelled with its user: the programs in it would be lost
  const signal = sameMachine ? caller.interrupted : caller.signal;
  const limitMs = attempt.kind === "cold" ? ctx.timings.agentMs : ctx.timings.restoredAgentMs;
  await reachAgent(ctx, vm, live, { inherited, sameMachine, signal, phases, limitMs });
  if (attempt.kind === "save") await growGuest(ctx, live, vm, attempt.disk?.bytes ?? vm.spec.diskBytes);
  finishStart(ctx, vm, change, phases.after(howOf(attempt)));
  caller.emit(phases.event());
  noteTemplate(ctx, vm, attempt);
  return live;
}

function howOf(attempt: Attempt): string {
  if (attempt.kind === "cold") return `cold (${attempt.why})`;
  return attempt.kind === "warm" ? `warm VM of ${attempt.what}` : `restored from ${attempt.what}`;
}

function noteTemplate(ctx: StartContext, { spec, ephemeral }: VmRecord, attempt: Attempt): void {
  const key = attempt.kind === "warm" ? attempt.key : attempt.kind === "save" ? attempt.template : null;
  if (!key) return;
  noteUse(ctx, key);
  wantWarm(ctx, { key, spec, ephemeral });
}

/** As `launchVmm`, with the VMM of a warm VM. */
async function takeOver(ctx: StartContext, start: BegunStart, warm: WarmVm): Promise<GuestInheritance> {
  const { vm, phases } = start;
  const { net, running, session } = warm.vm;
  const { disk } = ctx.paths.vm(vm.id);
  const [diskStamp] = await ctx.files.changeStamps([disk]);
  if (diskStamp !== warm.diskStamp)
    throw fail("SAVE_DAMAGED", { path: disk, problem: "was written to while its VM was paused" });
  const inherited = await ctx.inheritance();
  if (net) noteNetwork(ctx, vm, net);
  phases.mark("network");
  noteRunning(ctx, start, running, { isWarm: true, session });
  warm.vm.handOver();
  await running.resume();
  return inherited;
}

/** The guest runs, and `start.live` is set, when this resolves. @returns what to send it */
async function launchVmm(ctx: StartContext, start: BegunStart, source: StartSource): Promise<GuestInheritance> {
  const { vm, phases, caller, artifacts } = start;
  const probe = await probeOf(ctx, start);
  const work = [
    prepareBoot(ctx, vm, caller.emit, { probe, artifacts, isCold: source.kind === "cold" }),
    makeDisk(ctx, start, source),
  ] as const;
  // wait for all, even if one fails: nothing may still be made during the clean-up
  await Promise.allSettled(work);
  const [prepared] = await Promise.all(work);
  phases.mark("network");
  caller.signal.throwIfAborted();
  if (source.kind === "cold") await boot(ctx, start, prepared);
  else await restore(ctx, start, prepared, source);
  return prepared.inherited;
}

async function makeDisk(ctx: StartContext, { vm, needsDisk }: Start, source: StartSource): Promise<void> {
  const from = source.kind === "save" ? source.disk : null;
  if (!from && !(source.kind === "cold" && needsDisk)) return;
  const { disk } = ctx.paths.vm(vm.id);
  await withDiskFullError(ctx, disk, `making the disk of "${vm.name}"`, () =>
    from ? ctx.copySparse(from.path, disk, vm.spec.diskBytes) : ctx.createDisk(disk, vm.spec.diskBytes),
  );
}

async function boot(ctx: StartContext, start: BegunStart, prepared: Prepared): Promise<void> {
  const { vm, change, caller } = start;
  caller.emit({ kind: "progress", step: "boot", text: "booting" });
  await giveUpSave(ctx, vm, change);
  const running = await driverOf(ctx, vm).boot(specOf(ctx, vm, prepared), caller.signal);
  await noteRunningOrKill(ctx, start, running, { isWarm: false });
}

async function restore(ctx: StartContext, start: BegunStart, prepared: Prepared, source: SavedSource): Promise<void> {
  const { vm, change, caller, phases } = start;
  caller.emit({ kind: "progress", step: "restore", text: `restoring from ${source.what}` });
  change.step("restore");
  start.isRestoring = true;
  const started = () => phases.mark("vmm");
  const running = await driverOf(ctx, vm).restore(source.save, specOf(ctx, vm, prepared), caller.signal, started);
  await noteRunningOrKill(ctx, start, running, { isWarm: true, sameMachine: source.sameMachine });
  await running.resume();
}

/** A boot makes a suspended VM's memory useless: it no longer matches the disk. */
async function giveUpSave(ctx: StartContext, vm: VmRecord, change: OpenChange): Promise<void> {
  ctx.store.transaction(() => {
    ctx.store.vms.change(vm.id, { suspended: null });
    change.step("boot");
  });
  if (vm.suspended) await ctx.files.removeTree(ctx.paths.suspended(vm.id).directory);
}

function driverOf({ drivers }: StartContext, { spec }: VmRecord): VmmDriver {
  return drivers.named(spec.vmm.driver);
}

function specOf(ctx: StartContext, vm: VmRecord, { image, initramfs, net }: Prepared) {
  return bootSpec(ctx.paths, { vm, image, initramfs, net: net?.device ?? null });
}

/** The step of a start whose guest was this VM's before: it keeps its boot id. The journal has this text. */
export const sameMachineStep = "greet again";

type LiveOptions = Parameters<typeof addLive>[3] & { sameMachine?: boolean };

async function noteRunningOrKill(
  ctx: StartContext,
  start: BegunStart,
  running: RunningVm,
  how: LiveOptions,
): Promise<void> {
  try {
    noteRunning(ctx, start, running, how);
  } catch (error) {
    await running.kill();
    throw error;
  }
}

/** Records the VMM, so that the next daemon finds it. What a suspended VM was woken from is kept until its guest has answered. */
function noteRunning(
  ctx: StartContext,
  start: BegunStart,
  running: RunningVm,
  { sameMachine = false, ...how }: LiveOptions,
): void {
  const { vm, change, creation } = start;
  // a boot has given it up
  const { suspended } = freshVm(ctx, vm);
  ctx.store.transaction(() => {
    ctx.store.processes.setVmm(vm.id, running.record);
    if (suspended) ctx.store.vms.change(vm.id, { suspended: withWakeBegun(suspended) });
    creation?.end();
    change.step(sameMachine ? sameMachineStep : "greet");
  });
  start.creation = null;
  start.live = addLive(ctx, vm.id, running, how);
}

export type ReachOptions = {
  inherited: GuestInheritance;
  /** as `composeIdentity` has it */
  sameMachine: boolean;
  signal: AbortSignal;
  phases?: Phases;
  /** for all of it, in `ms` */
  limitMs: number;
};

/** @throws EndedEarly, AGENT_UNREACHABLE, DISK_FULL or VM_FAILED when its VMM stops it, the signal's reason */
export async function reachAgent(
  ctx: StartContext,
  vm: VmRecord,
  live: LiveVm,
  { inherited, sameMachine, signal, phases, limitMs }: ReachOptions,
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
  const identified = live.session.client(limitMs).then(() => {
    phases?.mark("agent");
    return identify(ctx, live, vm, inherited, sameMachine);
  });
  try {
    await orAborted(Promise.race([withLimit(ctx, identified, limitMs, late), ended, stopped.promise]), signal);
  } finally {
    live.onStop = () => {};
  }
  phases?.mark("identity");
}

/** Writes that the VM is up, and gives up what it was woken from; the change is over. */
export function finishStart(ctx: StartContext, vm: VmRecord, change: OpenChange, how: string): void {
  ctx.store.transaction(() => {
    const startedAt = ctx.clock.now();
    const now = { state: "running", startedAt, startedHow: how, failure: null, suspended: null } as const;
    ctx.store.vms.change(vm.id, now);
    change.end();
  });
  emitState(ctx, vm.id, "");
  if (vm.suspended) ctx.background("removing a save", ctx.files.removeTree(ctx.paths.suspended(vm.id).directory));
}
