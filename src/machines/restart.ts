/** Stop and start as one change: cut short in between, the next daemon starts the VM. */
import type { VmRecord } from "../model/vm.ts";
import type { Context } from "./context.ts";
import type { LiveVm } from "./live.ts";
import { cold } from "./origin.ts";
import { startVm } from "./start.ts";
import type { StartPlan } from "./start-plan.ts";
import { freshVm } from "./state.ts";
import { stopVm } from "./stop.ts";

/** The caller holds the VM's operation. */
export async function restartVm(
  ctx: Context,
  vm: VmRecord,
  graceMs: number,
  plan: Omit<StartPlan, "origin">,
): Promise<LiveVm> {
  const change = ctx.store.journal.begin("restart", vm.id, "stop");
  try {
    await stopVm(ctx, vm, graceMs, plan.emit);
    change.step("start");
    return await startVm(ctx, freshVm(ctx, vm), { ...plan, origin: cold("it was restarted") });
  } finally {
    change.end();
  }
}
