/** `vm restore`: a VM goes back to a snapshot of its own; what came after is given up. */
import type { Emit } from "../model/event.ts";
import type { SnapshotRecord } from "../model/save.ts";
import type { VmRecord } from "../model/vm.ts";
import type { Context } from "./context.ts";
import { writeEnding } from "./ended.ts";
import { cold, type Origin, saveOf } from "./origin.ts";
import { requireRestorable } from "./saving.ts";
import { startVm } from "./start.ts";
import { freshVm } from "./state.ts";
import { killVm } from "./stop.ts";

export type GoBack = {
  snapshot: SnapshotRecord;
  /** boot from the snapshot's disk, whatever was in memory */
  cold: boolean;
  emit: Emit;
  signal: AbortSignal;
};

/**
 * The caller holds the VM's operation. A snapshot of a stopped VM leaves it stopped.
 * @throws SAVE_VERSION before anything is given up, SAVE_DAMAGED
 */
export async function goBack(
  ctx: Context,
  vm: VmRecord,
  { snapshot, cold: isCold, emit, signal }: GoBack,
): Promise<VmRecord> {
  const files = ctx.paths.snapshot(snapshot.id);
  const save = snapshot.save && !isCold ? saveOf(snapshot.save, files) : null;
  if (save) await requireRestorable(ctx, save);
  const change = ctx.store.journal.begin("restore", vm.id, "kill");
  try {
    if (ctx.live.has(vm.id)) await killVm(ctx, vm);
    await writeEnding(ctx, vm, { state: "stopped", reason: `going back to ${snapshot.name}`, failed: false });
    ctx.store.vms.change(vm.id, { suspended: null });
    await ctx.files.removeTree(ctx.paths.suspended(vm.id).directory);
    change.step("disk");
    await ctx.copySparse(files.disk, ctx.paths.vm(vm.id).disk, vm.spec.diskBytes);
    if (snapshot.save) {
      const origin: Origin = save
        ? { kind: "save", save, disk: null, what: `snapshot ${snapshot.name}`, template: null, goesOn: true }
        : cold("as was asked");
      await startVm(ctx, freshVm(ctx, vm), { origin, hasDisk: true, emit, signal });
    }
  } finally {
    change.end();
  }
  return freshVm(ctx, vm);
}
