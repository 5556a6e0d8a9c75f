/** Waking a suspended VM, or discarding its saved memory. */
import type { Emit } from "../../model/event.ts";
import type { VmRecord } from "../../model/vm.ts";
import { discard } from "../guest/discard.ts";
import type { LiveVm } from "../guest/live.ts";
import { setState } from "../guest/state.ts";
import { putDiskBack } from "../start/kept-disk.ts";
import { requireSuspendedFiles } from "../start/same-disk.ts";
import { startOfSaved } from "../start/start.ts";
import { startVm } from "../start/start-vm.ts";
import { suspendedSource } from "../templates/start-source.ts";
import type { LifeContext } from "./context.ts";

/** The caller holds the operation of a suspended VM. @throws SAVE_DAMAGED, SAVE_VERSION, what starting throws: it stays suspended */
export async function wakeVm(ctx: LifeContext, stale: VmRecord, emit: Emit, interrupted: AbortSignal): Promise<LiveVm> {
  const vm = await putDiskBack(ctx, stale);
  await requireSuspendedFiles(ctx, vm);
  const caller = { emit, signal: interrupted, interrupted };
  return startVm(ctx, startOfSaved(ctx, vm, suspendedSource(ctx, vm), caller));
}

/** Like cutting power: its disk stays as it was, its memory is lost. The caller holds the VM's operation. */
export async function forgetSuspended(ctx: LifeContext, vm: VmRecord, reason: string): Promise<void> {
  // if the daemon ends here, the next one removes the files: no row refers to them
  setState(ctx, vm.id, "stopped", reason, { suspended: null });
  await discard(ctx, ctx.paths.suspended(vm.id).directory);
}
