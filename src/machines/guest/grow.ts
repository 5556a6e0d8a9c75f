/** A VM whose disk is larger than the one that its save was made with. */
import type { VmRecord } from "../../model/vm.ts";
import { askGuest } from "./ask-guest.ts";
import type { GuestContext } from "./context.ts";
import type { LiveVm } from "./live.ts";

/** @param before size of the guest's file system in bytes; 0: unknown, so it is grown, which does nothing to one that has the size already */
export async function growGuest(ctx: GuestContext, live: LiveVm, vm: VmRecord, before: number): Promise<void> {
  if (before >= vm.spec.diskBytes) return;
  await live.vm.grow("data", vm.spec.diskBytes);
  const { session } = live;
  await askGuest(ctx, { session, name: vm.name }, ctx.timings.growMs, async (client, signal) =>
    (await client.open("grow", {}, { signal, timeoutMs: 0 })).close(),
  );
}
