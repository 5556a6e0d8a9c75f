/** A VM whose disk is larger than the one that its save was made with. */
import type { VmRecord } from "../model/vm.ts";
import { askGuest } from "./ask-guest.ts";
import type { Context } from "./context.ts";
import type { LiveVm } from "./live.ts";
import type { SavedOrigin } from "./origin.ts";

/** @param origin null: not known any more, so it is done; nothing changes when it was */
export async function growGuest(ctx: Context, live: LiveVm, vm: VmRecord, origin: SavedOrigin | null): Promise<void> {
  const before = origin?.disk?.bytes ?? (origin ? vm.spec.diskBytes : 0);
  if (before >= vm.spec.diskBytes) return;
  await live.vm.grow("data", vm.spec.diskBytes);
  const { session } = live;
  await askGuest(ctx, { session, name: vm.name }, ctx.timings.growMs, async (client, signal) =>
    (await client.open("grow", {}, { signal, timeoutMs: 0 })).close(),
  );
}
