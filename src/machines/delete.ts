/** Deleting a VM: its VMM, its row, its files, in that order, so that what is left after a death is never half a VM. */
import type { VmRecord } from "../model/vm.ts";
import type { Context } from "./context.ts";
import { clearAway } from "./ended.ts";
import { forgetIdle } from "./idle-forget.ts";
import { vmGone } from "./spare.ts";
import { tell } from "./state.ts";
import { dropUnused } from "./unused.ts";

/** The caller holds the VM's operation. The name is free as soon as the row is gone. */
export async function deleteVm(ctx: Context, vm: VmRecord): Promise<void> {
  const change = ctx.store.transaction(() => {
    ctx.store.vms.change(vm.id, { state: "deleting" });
    return ctx.store.journal.begin("delete", vm.id, "kill");
  });
  tell(ctx, vm.id, "");
  await ctx.live.get(vm.id)?.vm.kill();
  await clearAway(ctx, vm);
  change.step("forget");
  await forgetVm(ctx, vm);
}

/** Removes a VM that nothing runs for: the row with all its journal, then the folder (a folder without a row is garbage). */
export async function forgetVm(ctx: Context, vm: VmRecord): Promise<void> {
  forgetIdle(ctx, vm.id);
  const snapshots = ctx.store.snapshots.of(vm.id).map(({ id }) => ctx.paths.snapshot(id).directory);
  ctx.store.transaction(() => {
    ctx.store.vms.remove(vm.id);
    ctx.store.journal.forget(vm.id);
  });
  ctx.log.info("vm deleted", { vm: vm.name, id: vm.id });
  ctx.events.emit({ kind: "state", id: vm.id, name: vm.name, state: "deleting", reason: "deleted" });
  await Promise.all([ctx.paths.vm(vm.id).directory, ...snapshots].map((folder) => ctx.files.removeTree(folder)));
  ctx.background("dropping what nothing uses", dropUnused(ctx));
  ctx.background("keeping room for removals", ctx.refillReserve());
  vmGone(ctx);
}
