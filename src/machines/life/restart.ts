/** Stop and start as one change: if the daemon ends in between, the next one starts the VM. */
import type { VmRecord } from "../../model/vm.ts";
import type { LiveVm } from "../guest/live.ts";
import { freshVm } from "../guest/state.ts";
import { type Caller, startFromDisk } from "../start/start.ts";
import { startVm } from "../start/start-vm.ts";
import type { LifeContext } from "./context.ts";
import { stopVm } from "./stop.ts";

/** The caller holds the VM's operation. */
export async function restartVm(ctx: LifeContext, vm: VmRecord, graceMs: number, caller: Caller): Promise<LiveVm> {
  const change = ctx.store.journal.begin("restart", vm.id, "stop");
  try {
    await stopVm(ctx, vm, graceMs, caller.emit);
    change.step("start");
    return await startVm(ctx, startFromDisk(ctx, freshVm(ctx, vm), "it was restarted", caller));
  } finally {
    change.end();
  }
}
