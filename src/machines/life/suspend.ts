/** Suspending a VM: its memory is saved to the disk and its VMM ended, until it is used again. */
import type { Emit } from "../../model/event.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { OpenChange } from "../../store/journal.ts";
import { discard } from "../guest/discard.ts";
import { type LiveVm, requireLive } from "../guest/live.ts";
import { emitState, freshVm, reportAlready, requireState } from "../guest/state.ts";
import { cleanUp } from "../start/clean-up.ts";
import { keepDisk } from "../start/kept-disk.ts";
import { stampSuspended } from "../start/same-disk.ts";
import type { LifeContext } from "./context.ts";
import { holdSessions, resumeAfterSave, syncGuest } from "./save-and-resume.ts";

/** At a user's request; one that is suspended already stays so. The caller holds the VM's operation. @throws VM_STATE, SAVE_FAILED, DISK_FULL */
export async function suspendOnce(ctx: LifeContext, vm: VmRecord, emit: Emit, signal: AbortSignal): Promise<VmRecord> {
  if (vm.state === "suspended") {
    reportAlready(emit, vm, "suspended");
    return vm;
  }
  requireState(vm, "suspend", ["running", "paused"], "only a running or paused VM can be suspended");
  return suspendVm(ctx, vm, "suspended", emit, signal);
}

/** The caller holds the VM's operation; it is running or paused. On failure it keeps running. @throws SAVE_FAILED, DISK_FULL */
export async function suspendVm(
  ctx: LifeContext,
  vm: VmRecord,
  why: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<VmRecord> {
  const live = requireLive(ctx, vm);
  const files = ctx.paths.suspended(vm.id);
  const change = ctx.store.journal.begin("suspend", vm.id, "save");
  emit({ kind: "progress", step: "save", text: `saving ${vm.name}` });
  let held: Disposable | undefined;
  try {
    await ctx.files.removeTree(files.directory);
    await ctx.files.ensureFolder(files.directory);
    if (vm.state === "running") await syncGuest(ctx, live);
    held = await holdSessions(ctx, vm, live);
    // a paused VM is saved faster
    await live.vm.pause();
    const record = await live.vm.save(files, signal);
    await keepDisk(ctx, vm);
    const save = await stampSuspended(ctx, vm, record);
    await ctx.files.makeDurable([files.memory, files.state, ctx.paths.vm(vm.id).disk]);
    ctx.store.transaction(() => {
      ctx.store.vms.change(vm.id, {
        state: "suspended",
        suspended: { save, why, at: ctx.clock.now() },
        startedAt: null,
      });
      change.step("end");
    });
  } catch (error) {
    await ctx.unlessReleased();
    if (vm.state === "running") await resumeAfterSave(ctx, live, vm, held);
    held?.[Symbol.dispose]();
    await discard(ctx, files.directory);
    change.end();
    throw error;
  }
  emitState(ctx, vm.id, why);
  await endSuspended(ctx, vm, live, change);
  return freshVm(ctx, vm);
}

/** The save is the VM now: its process must end. */
async function endSuspended(ctx: LifeContext, vm: VmRecord, live: LiveVm, change: OpenChange): Promise<void> {
  await live.vm.kill();
  await cleanUp(ctx, vm);
  ctx.store.transaction(() => {
    ctx.store.processes.clear(vm.id);
    change.end();
  });
}
