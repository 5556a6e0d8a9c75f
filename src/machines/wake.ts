/** A suspended VM runs again where it was, or gives up what it was suspended as. */
import type { Emit } from "../model/event.ts";
import type { VmRecord } from "../model/vm.ts";
import type { Context } from "./context.ts";
import { discard } from "./discard.ts";
import type { LiveVm } from "./live.ts";
import { suspendedOrigin } from "./origin.ts";
import { requireSuspendedFiles } from "./same-disk.ts";
import { startVm } from "./start.ts";
import { enter } from "./state.ts";

/** The caller holds the operation of a suspended VM. @throws SAVE_DAMAGED, SAVE_VERSION, what starting throws: it stays suspended */
export async function wakeVm(ctx: Context, vm: VmRecord, emit: Emit, interrupted: AbortSignal): Promise<LiveVm> {
  await requireSuspendedFiles(ctx, vm);
  return startVm(ctx, vm, { origin: suspendedOrigin(ctx, vm), emit, signal: interrupted, interrupted });
}

/** As power that is cut: its disk stays as it was, its memory is lost. The caller holds the VM's operation. */
export async function forgetSuspended(ctx: Context, vm: VmRecord, reason: string): Promise<void> {
  // what a daemon that ends here leaves, the next one removes: no row knows it
  enter(ctx, vm.id, "stopped", reason, { suspended: null });
  await discard(ctx, ctx.paths.suspended(vm.id).directory);
}
