/** Ending a VM without its cooperation: for one that does not answer, and for callers that can't wait. */
import type { VmId } from "../../base/names.ts";
import type { DriverRecord } from "../../vmm/driver.ts";
import type { GuestContext } from "./context.ts";
import type { Action } from "./operations.ts";

/** Ends a VM's VMM by SIGKILL, whether this daemon has adopted it or not. Resolves when its process is gone, at once if there is none. */
export async function endVmm(ctx: GuestContext, id: VmId): Promise<void> {
  const live = ctx.live.get(id);
  if (live) return live.vm.kill();
  const record = ctx.store.processes.vmm(id) as DriverRecord | null;
  if (record) await ctx.drivers.named(record.driver).end(record);
}

/** Runs `body` next. The operation under way is interrupted; if it waits for the VMM or the guest, the VMM is ended. */
export function preemptVm<T>(ctx: GuestContext, id: VmId, action: Action, body: () => Promise<T>): Promise<T> {
  const cut = () => ctx.background(`ending the VMM of ${id}`, endVmm(ctx, id));
  return ctx.operations.preempt(id, action, body, cut);
}
