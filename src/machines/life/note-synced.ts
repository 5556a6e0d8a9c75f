/** Where `file_sync` copies the user's files to, noted before a byte goes in: what ends between leaves a path too many, never one too few. */
import { fail } from "../../base/errors/error.ts";
import type { VmRecord } from "../../model/vm.ts";
import { freshVm } from "../guest/state.ts";
import type { LifeContext } from "./context.ts";

export type SyncNote = {
  /** absolute, in the guest */
  paths: readonly string[];
  /** the files are there */
  isComplete?: boolean;
};

/** Of one VM: as many as sixteen full configurations that have nothing in common. */
const mostPaths = 1024;

/** In one transaction, so that two clients lose nothing of each other's. @throws REQUEST_INVALID when the VM would have too many paths */
export function noteSynced(ctx: LifeContext, stale: VmRecord, { paths, isComplete = false }: SyncNote): VmRecord {
  ctx.store.transaction(() => {
    const vm = freshVm(ctx, stale);
    const syncedPaths = [...new Set([...vm.syncedPaths, ...paths])];
    if (syncedPaths.length > mostPaths)
      throw fail("REQUEST_INVALID", { problems: [`paths: the VM would have more than ${mostPaths} of them`] });
    ctx.store.vms.change(vm.id, { syncedPaths, ...(isComplete ? { awaitsSync: false } : {}) });
  });
  return freshVm(ctx, stale);
}
