/**
 * Deleting a VM: its VMM, its files, its row, in that order. Until the row is gone the VM is `deleting`: the next daemon continues,
 * and so does another `vm delete` after a file could not be removed.
 */
import { toBangerError } from "../../base/errors/error.ts";
import type { VmRecord } from "../../model/vm.ts";
import { endVmm } from "../guest/end-vmm.ts";
import { emitState } from "../guest/state.ts";
import { dropUnused } from "../images/unused.ts";
import { makeWarmSoon } from "../templates/warm.ts";
import { cleanUp } from "./clean-up.ts";
import type { StartContext } from "./context.ts";

/** The caller holds the VM's operation. The name is free as soon as the row is gone. @throws NOT_REMOVED; it stays `deleting` then */
export async function deleteVm(ctx: StartContext, vm: VmRecord): Promise<void> {
  const change = ctx.store.transaction(() => {
    ctx.store.vms.change(vm.id, { state: "deleting" });
    return ctx.store.journal.begin("delete", vm.id, "kill");
  });
  emitState(ctx, vm.id, "");
  await endVmm(ctx, vm.id);
  await cleanUp(ctx, vm);
  change.step("forget");
  await removeVm(ctx, vm);
}

/** Removes a VM without processes: its folders, then the row with its journal. @throws NOT_REMOVED, which its row records too */
export async function removeVm(ctx: StartContext, vm: VmRecord): Promise<void> {
  ctx.onRemove(vm.id);
  await removeFolders(ctx, vm);
  ctx.store.transaction(() => {
    ctx.network.forget(vm.id);
    ctx.store.vms.remove(vm.id);
    ctx.store.journal.forget(vm.id);
  });
  ctx.namesChanged();
  ctx.log.info("vm deleted", { vm: vm.name, id: vm.id });
  ctx.events.emit({ kind: "state", id: vm.id, name: vm.name, state: "deleting", reason: "deleted" });
  ctx.background("dropping what nothing uses", dropUnused(ctx));
  ctx.background("keeping room for removals", ctx.refillReserve());
  makeWarmSoon(ctx);
}

async function removeFolders(ctx: StartContext, vm: VmRecord): Promise<void> {
  const snapshots = ctx.store.snapshots.of(vm.id).map(({ id }) => ctx.paths.snapshot(id).directory);
  const removals = [ctx.paths.vm(vm.id).directory, ...snapshots].map((folder) => ctx.files.removeTree(folder));
  try {
    // each one, even if others fail
    await Promise.allSettled(removals);
    await Promise.all(removals);
  } catch (error) {
    await ctx.unlessReleased();
    const reason = toBangerError(error).message;
    ctx.store.vms.change(vm.id, { state: "deleting", failure: { reason, console: [] } });
    emitState(ctx, vm.id, reason);
    throw error;
  }
}
