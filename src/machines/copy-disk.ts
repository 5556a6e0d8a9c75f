/** Copying a VM's disk while its user waits. */
import { formatSize } from "../base/units.ts";
import type { Emit } from "../model/event.ts";
import type { VmRecord } from "../model/vm.ts";
import type { Context } from "./context.ts";

/** Where the file system can't share blocks, what is copied is said with its size. */
export async function copyDiskAloud(ctx: Context, vm: VmRecord, to: string, emit: Emit): Promise<void> {
  await ctx.copySparse(ctx.paths.vm(vm.id).disk, to, vm.spec.diskBytes, (bytes) =>
    emit({ kind: "progress", step: "disk", text: `copying the disk of ${vm.name}: ${formatSize(bytes)}` }),
  );
}
