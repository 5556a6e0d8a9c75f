/** A VM that ended by itself: records its end, and starts a guest that rebooted again. */
import { toBangerError } from "../../base/errors/error.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { VmExit } from "../../vmm/driver.ts";
import type { LiveVm } from "../guest/live.ts";
import { cleanUp, endingOf, writeEnding } from "../start/clean-up.ts";
import { startFromDisk } from "../start/start.ts";
import { startVm } from "../start/start-vm.ts";
import type { LifeContext } from "./context.ts";

/** Called for every end; does nothing if an operation has handled it. */
export function handleEnd(ctx: LifeContext, live: LiveVm, exit: VmExit): void {
  if (ctx.live.get(live.id) !== live) return;
  const work = ctx.operations.queue(live.id, "reconcile", async (interrupted) => {
    const vm = ctx.store.vms.byId(live.id);
    if (!vm || ctx.live.get(live.id) !== live) return;
    await recordEnd(ctx, vm, exit, interrupted);
  });
  ctx.background(`recording the end of ${live.id}`, work);
}

/** The caller holds the VM's operation; the VMM is gone. */
async function recordEnd(ctx: LifeContext, vm: VmRecord, exit: VmExit, interrupted: AbortSignal): Promise<void> {
  if (exit.kind !== "reboot") return writeEnding(ctx, vm, endingOf(exit));
  ctx.log.info("the guest rebooted, starting it again", { vm: vm.name });
  const change = ctx.store.journal.begin("restart", vm.id, "start");
  await cleanUp(ctx, vm);
  await startAgain(ctx, vm, interrupted);
  change.end();
}

/** A start without a caller: its failure is in the VM's state and the log. */
export async function startAgain(ctx: LifeContext, vm: VmRecord, signal: AbortSignal): Promise<void> {
  try {
    const caller = { emit: () => {}, signal, interrupted: signal };
    await startVm(ctx, startFromDisk(ctx, vm, "its guest rebooted", caller));
  } catch (error) {
    ctx.log.warn("starting again failed", { vm: vm.name, error: toBangerError(error).message });
  }
}
