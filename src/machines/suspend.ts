/** A VM that takes no process and no memory until it is used again: saved to the disk, and ended. */
import type { Emit } from "../model/event.ts";
import type { VmRecord } from "../model/vm.ts";
import type { OpenChange } from "../store/journal.ts";
import type { Context } from "./context.ts";
import { discard } from "./discard.ts";
import { clearAway } from "./ended.ts";
import { type LiveVm, requireLive } from "./live.ts";
import { stampSuspended } from "./same-disk.ts";
import { goOn, syncGuest } from "./saving.ts";
import { freshVm, requireState, sayAlready, tell } from "./state.ts";

/** As asked for by a user: one that is suspended stays so. The caller holds the VM's operation. @throws VM_STATE, SAVE_FAILED, DISK_FULL */
export async function suspendOnce(ctx: Context, vm: VmRecord, emit: Emit, signal: AbortSignal): Promise<VmRecord> {
  if (vm.state === "suspended") {
    sayAlready(emit, vm, "suspended");
    return vm;
  }
  requireState(vm, "suspend", ["running", "paused"], "only a running or paused VM can be suspended");
  return suspendVm(ctx, vm, "suspended", emit, signal);
}

/** The caller holds the VM's operation; it is running or paused. On failure it goes on. @throws SAVE_FAILED, DISK_FULL */
export async function suspendVm(
  ctx: Context,
  vm: VmRecord,
  why: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<VmRecord> {
  const live = requireLive(ctx, vm);
  const files = ctx.paths.suspended(vm.id);
  const change = ctx.store.journal.begin("suspend", vm.id, "save");
  emit({ kind: "progress", step: "save", text: `saving ${vm.name}` });
  try {
    await ctx.files.removeTree(files.directory);
    await ctx.files.ensureFolder(files.directory);
    if (vm.state === "running") await syncGuest(ctx, live);
    // one that stands still is saved sooner
    await live.vm.pause();
    const save = await stampSuspended(ctx, vm, await live.vm.save(files, signal));
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
    if (vm.state === "running") await goOn(ctx, live, vm);
    await discard(ctx, files.directory);
    change.end();
    throw error;
  }
  tell(ctx, vm.id, why);
  await endSuspended(ctx, vm, live, change);
  return freshVm(ctx, vm);
}

/** What is on the disk is the VM now; its process must not run on. */
async function endSuspended(ctx: Context, vm: VmRecord, live: LiveVm, change: OpenChange): Promise<void> {
  await live.vm.kill();
  await clearAway(ctx, vm);
  ctx.store.transaction(() => {
    ctx.store.processes.clear(vm.id);
    change.end();
  });
}
