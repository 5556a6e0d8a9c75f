/** Waiting for a VM to stop. */
import { orAborted } from "../../base/async.ts";
import type { VmRecord, VmState } from "../../model/vm.ts";
import { findVm } from "../guest/state.ts";
import type { LifeContext } from "./context.ts";

const resting: readonly VmState[] = ["stopped", "failed", "suspended"];

/**
 * The VM once it is stopped, failed or suspended. One that is deleted meanwhile is returned as `deleting`. A reboot of the
 * guest does not count.
 * @throws VM_NOT_FOUND, the signal's reason
 */
export async function waitForEnd(ctx: LifeContext, name: string, signal: AbortSignal): Promise<VmRecord> {
  const vm = findVm(ctx, name);
  if (resting.includes(vm.state)) return vm;
  const { promise, resolve } = Promise.withResolvers<VmRecord>();
  const unsubscribe = ctx.events.subscribe((event) => {
    if (event.id !== vm.id) return;
    if (event.state === "deleting" && event.reason === "deleted") resolve({ ...vm, state: "deleting" });
    else if (resting.includes(event.state)) resolve(ctx.store.vms.byId(vm.id) ?? vm);
  });
  try {
    return await orAborted(promise, signal);
  } finally {
    unsubscribe();
  }
}
