/**
 * A suspended VM's memory is kept until its guest has answered, but a guest that is woken may write to its disk before, and then
 * the two no longer match. So where the file system can share blocks, a copy of the disk is kept beside the memory.
 */
import type { Suspended, VmRecord } from "../../model/vm.ts";
import type { StartContext } from "./context.ts";
import { filesOf, type StampedState, stampSuspended } from "./same-disk.ts";

type Deps = Pick<StartContext, "files" | "paths" | "log">;

/** A copy that shares no blocks would cost the disk's size, so there is none then. Never rejects. */
export async function keepDisk({ files, paths, log }: Deps, vm: VmRecord): Promise<void> {
  const { disk, kept } = filesOf(paths, vm);
  await files.shareBlocks(disk, kept).catch((error: unknown) => {
    log.info("the disk of a suspended VM is not kept", { vm: vm.name, why: String(error) });
  });
}

/** Its guest runs from now on. */
export function withWakeBegun(suspended: Suspended): Suspended {
  return { ...suspended, save: { ...suspended.save, wakeBegan: true } };
}

/** Puts back what was kept, if a wake's guest has written to the disk. Other changes are left alone, as someone wanted them. */
export async function putDiskBack(ctx: Deps & Pick<StartContext, "store">, vm: VmRecord): Promise<VmRecord> {
  const { suspended } = vm;
  const save = suspended?.save as StampedState | undefined;
  if (!suspended || !save?.wakeBegan) return vm;
  const { disk, kept } = filesOf(ctx.paths, vm);
  const [present, copy = null] = await ctx.files.contentStamps([disk, kept]);
  if (present === save.diskStamp || copy === null || copy !== save.keptDiskStamp) return vm;
  await ctx.files.rename(kept, disk);
  ctx.log.info("the disk of a VM that could not be woken is what it was", { vm: vm.name });
  await keepDisk(ctx, vm);
  const { memoryContentStamp } = save;
  const again = { ...(await stampSuspended(ctx, vm, save)), memoryContentStamp, wakeBegan: false };
  const now = { ...suspended, save: again };
  ctx.store.vms.change(vm.id, { suspended: now });
  return { ...vm, suspended: now };
}
