/** Copying a VM's disk while its user waits. */
import { formatSize } from "../../base/units.ts";
import type { Emit } from "../../model/event.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { LifeContext } from "./context.ts";

export type DiskCopy = {
  /** of what it is the disk, for people */
  name: string;
  from: string;
  to: string;
  /** what it is at least long */
  bytes: number;
};

/** Where the file system can't share blocks, what is copied is said with its size. */
export async function copyDiskAloud(ctx: LifeContext, { name, from, to, bytes }: DiskCopy, emit: Emit): Promise<void> {
  await ctx.copySparse(from, to, bytes, (copied) =>
    emit({ kind: "progress", step: "disk", text: `copying the disk of ${name}: ${formatSize(copied)}` }),
  );
}

/** What a copy of a VM's own disk needs. */
export function ofVm(ctx: LifeContext, { id, name, spec }: VmRecord, to: string): DiskCopy {
  return { name, from: ctx.paths.vm(id).disk, to, bytes: spec.diskBytes };
}
