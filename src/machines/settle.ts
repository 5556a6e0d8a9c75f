/** A VM that ended by itself: its end is written, and a guest that rebooted is started again. */
import { toBangerError } from "../base/errors/error.ts";
import type { VmRecord } from "../model/vm.ts";
import type { VmExit } from "../vmm/driver.ts";
import type { Context } from "./context.ts";
import { clearAway, endingOf, writeEnding } from "./ended.ts";
import type { LiveVm } from "./live.ts";
import { cold } from "./origin.ts";
import { startVm } from "./start.ts";

/** Called for every end; does nothing when an operation has dealt with it. */
export function settleEnd(ctx: Context, live: LiveVm, exit: VmExit): void {
  if (ctx.live.get(live.id) !== live) return;
  const work = ctx.operations.queue(live.id, "settle", async (interrupted) => {
    const vm = ctx.store.vms.byId(live.id);
    if (!vm || ctx.live.get(live.id) !== live) return;
    await settle(ctx, vm, exit, interrupted);
  });
  ctx.background(`settling ${live.id}`, work);
}

/** The caller holds the VM's operation; the VMM is gone. */
export async function settle(ctx: Context, vm: VmRecord, exit: VmExit, interrupted: AbortSignal): Promise<void> {
  if (exit.kind !== "reboot") return writeEnding(ctx, vm, endingOf(exit));
  ctx.log.info("the guest rebooted, starting it again", { vm: vm.name });
  const change = ctx.store.journal.begin("restart", vm.id, "start");
  await clearAway(ctx, vm);
  await startAgain(ctx, vm, interrupted);
  change.end();
}

/** A start that nobody waits for: its failure is in the VM's state and the log. */
export async function startAgain(ctx: Context, vm: VmRecord, signal: AbortSignal): Promise<void> {
  try {
    await startVm(ctx, vm, { origin: cold("its guest rebooted"), emit: () => {}, signal });
  } catch (error) {
    ctx.log.warn("starting again failed", { vm: vm.name, error: toBangerError(error).message });
  }
}
