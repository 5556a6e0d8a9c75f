/** Saving a VM that goes on afterwards: what is around the VMM's own save. */
import type { VmRecord } from "../../model/vm.ts";
import type { SaveFiles, SaveRecord } from "../../vmm/driver.ts";
import { askGuest } from "../guest/ask-guest.ts";
import type { LiveVm } from "../guest/live.ts";
import type { LifeContext } from "./context.ts";
import { setGuestClock } from "./pause.ts";

/** What the guest's programs wrote is on its disk when this resolves; a guest that does not answer is saved as it is. */
export async function syncGuest(ctx: LifeContext, live: LiveVm): Promise<void> {
  try {
    const { session, id } = live;
    await askGuest(ctx, { session, name: id }, ctx.timings.syncMs, async (client, signal) =>
      (await client.open("settle", {}, { signal, timeoutMs: 0 })).close(),
    );
  } catch (error) {
    ctx.log.info("a guest could not be asked to write its files", { id: live.id, why: String(error) });
  }
}

/** Lets a VM that stood still for a save go on; one that ended meanwhile is settled by whoever sees its end. */
export async function resumeAfterSave(ctx: LifeContext, live: LiveVm, vm: VmRecord): Promise<void> {
  if (ctx.live.get(vm.id) !== live) return;
  try {
    await live.vm.resume();
    await setGuestClock(ctx, live, vm);
  } catch (error) {
    ctx.log.warn("a VM that was saved does not go on", { vm: vm.name, error: String(error) });
  }
}

/** Saves, does `meanwhile` with the VM standing still, and lets it go on if it ran. */
export async function saveAndResume(
  ctx: LifeContext,
  { vm, live, files }: { vm: VmRecord; live: LiveVm; files: SaveFiles },
  signal: AbortSignal,
  meanwhile: () => Promise<void>,
): Promise<SaveRecord> {
  const runs = vm.state === "running";
  if (runs) await syncGuest(ctx, live);
  const change = ctx.store.journal.begin("snapshot", vm.id, "save");
  try {
    const record = await live.vm.save(files, signal);
    await meanwhile();
    return record;
  } finally {
    await ctx.unlessReleased();
    if (runs) await resumeAfterSave(ctx, live, vm);
    change.end();
  }
}
