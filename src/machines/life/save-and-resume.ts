/** Saving a VM that continues afterwards: what surrounds the VMM's own save. */
import { fail } from "../../base/errors/error.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { SaveFiles, SaveRecord } from "../../vmm/driver.ts";
import { askGuest } from "../guest/ask-guest.ts";
import type { LiveVm } from "../guest/live.ts";
import type { LifeContext } from "./context.ts";
import { setGuestClock } from "./pause.ts";

/** Has the guest flush its files to its disk; a guest that does not answer is saved as it is. */
export async function syncGuest(ctx: LifeContext, live: LiveVm): Promise<void> {
  try {
    const { session, id } = live;
    await askGuest(ctx, { session, name: id }, ctx.timings.syncMs, async (client, signal) =>
      (await client.open("settle", {}, { signal, timeoutMs: 0 })).close(),
    );
  } catch (error) {
    ctx.log.info("a guest could not flush its files", { id: live.id, why: String(error) });
  }
}

/**
 * Before a VM is saved: nothing connects to its guest until the result is disposed of, and sessions that would not survive the
 * save end now. Commands in them go on, and their clients resume them.
 * @throws SAVE_FAILED for a VMM that can't save VMs
 */
export async function holdSessions(ctx: LifeContext, vm: VmRecord, live: LiveVm): Promise<Disposable> {
  const { driver } = vm.spec.vmm;
  const probe = await ctx.drivers.named(driver).probe();
  // a VM may run on whose VMM can't be started any more
  if (!probe.usable) return live.session.hold({ drops: true });
  if (!probe.features.snapshots)
    throw fail("SAVE_FAILED", { driver, reason: `version ${probe.version} of it can't save VMs` });
  return live.session.hold({ drops: !probe.features.keepsSessions });
}

/** Resumes a VM that was paused for a save; one that ended meanwhile is handled by `handleEnd`. */
export async function resumeAfterSave(
  ctx: LifeContext,
  live: LiveVm,
  vm: VmRecord,
  held: Disposable | undefined,
): Promise<void> {
  if (ctx.live.get(vm.id) !== live) return;
  try {
    await live.vm.resume();
    held?.[Symbol.dispose]();
    await setGuestClock(ctx, live, vm);
  } catch (error) {
    ctx.log.warn("a VM could not be resumed after its save", { vm: vm.name, error: String(error) });
  }
}

/** Saves, runs `meanwhile` while the VM is paused, and resumes it if it ran. */
export async function saveAndResume(
  ctx: LifeContext,
  { vm, live, files }: { vm: VmRecord; live: LiveVm; files: SaveFiles },
  signal: AbortSignal,
  meanwhile: () => Promise<void>,
): Promise<SaveRecord> {
  const runs = vm.state === "running";
  if (runs) await syncGuest(ctx, live);
  using held = await holdSessions(ctx, vm, live);
  const change = ctx.store.journal.begin("snapshot", vm.id, "save");
  try {
    const record = await live.vm.save(files, signal);
    await meanwhile();
    return record;
  } finally {
    await ctx.unlessReleased();
    if (runs) await resumeAfterSave(ctx, live, vm, held);
    change.end();
  }
}
