/** Copying a VM's disk while its user waits. */
import { formatSize } from "../../base/units.ts";
import type { Emit } from "../../model/event.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { LifeContext } from "./context.ts";

export type DiskCopy = {
  /** whose disk it is, for messages */
  name: string;
  from: string;
  to: string;
  /** its minimum length */
  bytes: number;
};

/** If the file system can't share blocks, emits a progress event with the size of the copy. */
export async function copyDiskAloud(ctx: LifeContext, { name, from, to, bytes }: DiskCopy, emit: Emit): Promise<void> {
  await ctx.copySparse(from, to, bytes, (copied) =>
    emit({ kind: "progress", step: "disk", text: `copying the disk of ${name}: ${formatSize(copied)}` }),
  );
}

/** The arguments for a copy of a VM's own disk. */
export function ofVm(ctx: LifeContext, { id, name, spec }: VmRecord, to: string): DiskCopy {
  return { name, from: ctx.paths.vm(id).disk, to, bytes: spec.diskBytes };
}
