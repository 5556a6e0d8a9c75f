/**
 * Reconciles the database with the host when the daemon starts. VMMs that run are adopted; an earlier daemon's unfinished work
 * is finished or undone, by the journal and each VM's state.
 */
import { orAborted, whenAborted } from "../../base/async.ts";
import { fail } from "../../base/errors/error.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { Change, JournalEntry, OpenChange } from "../../store/journal.ts";
import type { DriverRecord, RunningVm, VmExit } from "../../vmm/driver.ts";
import { attempt } from "../guest/discard.ts";
import { addLive, type LiveVm } from "../guest/live.ts";
import { emitState, freshVm } from "../guest/state.ts";
import { isOverWithin } from "../guest/within.ts";
import { dropUnused, finishDropping } from "../images/unused.ts";
import { cleanUp, type Ending, endingOf, writeEnding } from "../start/clean-up.ts";
import { removeVm } from "../start/delete.ts";
import { sameMachineStep } from "../start/launch.ts";
import { resumeStart } from "../start/start-vm.ts";
import { tidyTemplates } from "../templates/templates.ts";
import { watchClock } from "./clock-watch.ts";
import type { LifeContext } from "./context.ts";
import { startAgain } from "./ended-vm.ts";
import { startHoldGrace } from "./holds.ts";
import { watchHostPorts } from "./host-ports.ts";
import { setGuestClock } from "./pause.ts";
import { watchPorts } from "./ports.ts";
import { restoreSnapshot } from "./restore-snapshot.ts";
import { watchRoom } from "./resume-after-disk-full.ts";
import { continueStop } from "./stop.ts";
import { sweep } from "./sweep.ts";

/**
 * When it resolves every VM's state is right; what takes long (an agent, a guest's shutdown, a VMM that does not answer) continues in the
 * background. A step that fails is logged, and the others run: no leftover keeps the daemon from serving.
 */
export async function reconcile(ctx: LifeContext): Promise<void> {
  const unfinished = ctx.store.journal.unfinished();
  const vms = ctx.store.vms.all();
  const entriesOf = (vm: VmRecord) => unfinished.filter((e) => e.subject === vm.id);
  await Promise.all(vms.map((vm) => reconcileInTime(ctx, vm, entriesOf(vm))));
  await attempt(ctx, "sweeping", () => sweep(ctx));
  for (const entry of unfinished.filter((e) => e.change === "drop"))
    await attempt(ctx, "removing what was dropped", () => finishDropping(ctx, entry));
  await attempt(ctx, "dropping what nothing uses", () => dropUnused(ctx));
  await attempt(ctx, "looking through the templates", () => tidyTemplates(ctx));
  ctx.background("keeping room for removals", ctx.refillReserve());
  startHoldGrace(ctx);
  watchClock(ctx);
}

/** One operation on the VM, which `vm kill` and `vm delete` interrupt. Never rejects. */
async function reconcileInTime(ctx: LifeContext, vm: VmRecord, entries: JournalEntry[]): Promise<void> {
  let removal: Promise<void> | null = null;
  const work = ctx.operations.queue(vm.id, "reconcile", async (interrupted) => {
    try {
      removal = (await reconcileVm(ctx, vm, entries, interrupted))?.removal ?? null;
    } catch (error) {
      ctx.log.error("reconciling failed", { vm: vm.name, error: String(error) });
    } finally {
      ctx.unreachable.delete(vm.id);
    }
  });
  ctx.background(`reconciling ${vm.name}`, work);
  if (!(await isOverWithin(ctx, work, ctx.timings.adoptMs))) noteUnreachable(ctx, vm);
  if (removal) await isOverWithin(ctx, removal, ctx.timings.sweepMs).catch(() => {});
}

function noteUnreachable(ctx: LifeContext, vm: VmRecord): void {
  const record = ctx.store.processes.vmm(vm.id) as DriverRecord | null;
  if (!record || ctx.live.has(vm.id)) return;
  const reason = `no answer within ${ctx.timings.adoptMs / 1000} s of the daemon's start`;
  const error = fail("VMM_UNREACHABLE", { driver: record.driver, pid: record.process.pid, reason });
  ctx.unreachable.set(vm.id, error);
  ctx.log.warn("a VMM does not answer, the daemon serves without it", { vm: vm.name, pid: record.process.pid });
  emitState(ctx, vm.id, "its VMM does not answer");
}

/** The work that remains for the background, if any. */
type Left = { removal: Promise<void> } | null;

async function reconcileVm(
  ctx: LifeContext,
  vm: VmRecord,
  entries: JournalEntry[],
  interrupted: AbortSignal,
): Promise<Left> {
  const record = ctx.store.processes.vmm(vm.id) as DriverRecord | null;
  const running = record ? await adopt(ctx, vm, record, interrupted) : null;
  await ctx.unlessReleased();
  if (!running) await ctx.endStrays(ctx.paths.vm(vm.id).directory);
  const isHalf =
    vm.state === "creating" || vm.state === "deleting" || entries.some(({ change }) => change === "create");
  if (isHalf) return dropHalfVm(ctx, vm, running);
  if (record && interrupted.aborted) await endInterrupted(ctx, vm, running, entries);
  else if (running) await takeOver(ctx, vm, running, entries);
  else await recordGone(ctx, vm, record, entries);
  return null;
}

const adoptions = 3;

/**
 * Adopts a VMM that runs. One that does not answer is tried several times; then its process is killed, or at once when this is
 * interrupted.
 */
async function adopt(
  ctx: LifeContext,
  vm: VmRecord,
  record: DriverRecord,
  interrupted: AbortSignal,
): Promise<RunningVm | null> {
  for (let left = adoptions; left > 0 && !interrupted.aborted; left--) {
    try {
      return await orAborted(ctx.drivers.named(record.driver).adopt(record), interrupted);
    } catch (error) {
      ctx.log.warn("a VMM can't be adopted", { vm: vm.name, attemptsLeft: left - 1, error: String(error) });
      const pause = new Promise<void>((resolve) => ctx.after(ctx.timings.adoptAgainMs, resolve));
      if (left > 1) await Promise.race([pause, whenAborted(interrupted)]);
    }
  }
  await ctx.unlessReleased();
  await ctx.drivers.named(record.driver).end(record);
  return null;
}

/** The VM is killed or deleted while it is being reconciled. */
async function endInterrupted(
  ctx: LifeContext,
  vm: VmRecord,
  running: RunningVm | null,
  entries: JournalEntry[],
): Promise<void> {
  await running?.kill();
  running?.release();
  endEntries(ctx, entries);
  const state = vm.suspended ? "suspended" : vm.state === "failed" ? "failed" : "stopped";
  await writeEnding(ctx, vm, { state, reason: "power was cut", failed: false });
}

/** Removes a VM whose creation was not complete, or whose deletion was requested. */
async function dropHalfVm(ctx: LifeContext, vm: VmRecord, running: RunningVm | null): Promise<Left> {
  await running?.kill();
  running?.release();
  await cleanUp(ctx, vm);
  const removal = ctx.operations.queue(vm.id, "delete", () => removeVm(ctx, vm));
  ctx.background(`removing ${vm.name}`, removal);
  return { removal };
}

/** The VMM runs: registers it and resumes the operation that was under way. */
async function takeOver(ctx: LifeContext, vm: VmRecord, running: RunningVm, entries: JournalEntry[]): Promise<void> {
  if (vm.state === "stopped" || vm.state === "failed" || vm.state === "suspended") {
    await running.kill();
    running.release();
    endEntries(ctx, entries);
    return writeEnding(ctx, vm, { state: vm.state, reason: "it should not have run", failed: false });
  }
  const live = addLive(ctx, vm.id, running);
  ctx.log.info("adopted", { vm: vm.name, pid: running.record.process.pid, state: vm.state });
  const entry = (change: Change) => entries.find((e) => e.change === change);
  const start = entry("start");
  const stop = entry("stop");
  // either the act or its record came first
  if (vm.state === "paused") await running.pause();
  if (vm.pausedBy?.kind === "disk-full") watchRoom(ctx);
  // it was being saved, so it is paused
  if (vm.state === "running" && (entry("suspend") || entry("snapshot"))) await resumeSaved(ctx, live, vm);
  // the operation resumed here ends its own entry; the others are over
  endEntries(
    ctx,
    entries.filter((e) => e !== start && e !== stop && e.change !== "restart"),
  );
  if (!start) {
    watchPorts(ctx, vm);
    ctx.background(`the host's ports for ${vm.name}`, watchHostPorts(ctx, vm));
  }
  if (!start && !stop) return endEntries(ctx, entries);
  const work = ctx.operations.queue(vm.id, "reconcile", async (interrupted) => {
    if (ctx.live.get(vm.id) !== live) return;
    const sameMachine = start?.step === sameMachineStep;
    if (start) await resumeStart(ctx, vm, live, ctx.store.journal.reopen(start), { sameMachine, signal: interrupted });
    if (stop) await continueStop(ctx, vm, ctx.store.journal.reopen(stop), ctx.timings.graceMs, () => {});
    const restart = restartOf(ctx, entries);
    if (restart) await finishRestart(ctx, vm, restart, interrupted);
  });
  ctx.background(`taking ${vm.name} up again`, work);
}

async function resumeSaved(ctx: LifeContext, live: LiveVm, vm: VmRecord): Promise<void> {
  await live.vm.resume();
  ctx.background(`telling ${vm.name} the time`, setGuestClock(ctx, live, vm));
}

/** The VMM is gone: records how the VM ended, and starts it again if that was requested. */
async function recordGone(
  ctx: LifeContext,
  vm: VmRecord,
  record: DriverRecord | null,
  entries: JournalEntry[],
): Promise<void> {
  const exit = record ? await ctx.drivers.named(record.driver).postMortem(record) : null;
  const rebooted = (vm.state === "running" || vm.state === "paused") && exit?.kind === "reboot";
  const restart = restartOf(ctx, entries) ?? (rebooted ? ctx.store.journal.begin("restart", vm.id, "start") : null);
  const rests = vm.state === "stopped" || vm.state === "failed" || vm.state === "suspended";
  if (rests) {
    await cleanUp(ctx, vm);
    ctx.store.processes.clear(vm.id);
  } else await writeEnding(ctx, vm, endingWhileAway(vm, exit));
  const back = entries.find((e) => e.change === "restore");
  endEntries(
    ctx,
    entries.filter((e) => e.change !== "restart" && e !== back),
  );
  if (back) return finishRestore(ctx, vm, back);
  if (!restart) return;
  const work = ctx.operations.queue(vm.id, "reconcile", (interrupted) => finishRestart(ctx, vm, restart, interrupted));
  ctx.background(`starting ${vm.name} again`, work);
}

function endingWhileAway(vm: VmRecord, exit: VmExit | null): Ending {
  if (vm.state === "stopping") return { state: "stopped", reason: "stopped while no daemon ran", failed: false };
  // its save is discarded only once its VMM is recorded
  if (vm.suspended) return { state: "suspended", reason: "waking it was cut short", failed: false };
  if (!exit) return { state: "stopped", reason: "its start was cut short", failed: false };
  const ending = endingOf(exit);
  if (vm.state !== "starting" || ending.failed || exit.kind === "killed") return ending;
  return { state: "failed", reason: `${ending.reason} before its agent answered`, failed: true };
}

/** An interrupted restart is completed: the VM is started. */
async function finishRestart(ctx: LifeContext, vm: VmRecord, restart: OpenChange, signal: AbortSignal): Promise<void> {
  const now = freshVm(ctx, vm);
  if (now.state === "stopped") await startAgain(ctx, now, signal);
  restart.end();
}

/** An interrupted restore is completed if the VM's state was discarded already; one whose VMM still runs stays. */
function finishRestore(ctx: LifeContext, vm: VmRecord, entry: JournalEntry): void {
  const { id, cold } = JSON.parse(entry.step) as { id: string; cold: boolean };
  const snapshot = ctx.store.snapshots.byId(id);
  const change = ctx.store.journal.reopen(entry);
  if (!snapshot) return change.end();
  const work = ctx.operations.queue(vm.id, "restore", async (signal) => {
    await restoreSnapshot(ctx, freshVm(ctx, vm), { snapshot, cold, emit: () => {}, signal }).finally(() =>
      change.end(),
    );
  });
  ctx.background(`taking ${vm.name} back to ${snapshot.name}`, work);
}

function restartOf(ctx: LifeContext, entries: readonly JournalEntry[]): OpenChange | null {
  const entry = entries.find((e) => e.change === "restart");
  return entry ? ctx.store.journal.reopen(entry) : null;
}

function endEntries(ctx: LifeContext, entries: readonly JournalEntry[]): void {
  for (const entry of entries) ctx.store.journal.reopen(entry).end();
}
