/** Pausing a VM in memory, and resuming it with the right time. */
import type { VmRecord } from "../../model/vm.ts";
import { askGuest } from "../guest/ask-guest.ts";
import { sendIdentity } from "../guest/identify.ts";
import { clockText } from "../guest/identity.ts";
import { type LiveVm, requireLive } from "../guest/live.ts";
import { freshVm, setState } from "../guest/state.ts";
import type { LifeContext } from "./context.ts";

/** The caller holds the VM's operation. The state is written first: resuming a VM that runs does no harm. */
export async function pauseVm(ctx: LifeContext, vm: VmRecord): Promise<VmRecord> {
  const live = requireLive(ctx, vm);
  setState(ctx, vm.id, "paused", "");
  try {
    await live.vm.pause();
  } catch (error) {
    await ctx.unlessReleased();
    if (ctx.live.get(vm.id) === live) setState(ctx, vm.id, "running", "it could not be paused");
    throw error;
  }
  return freshVm(ctx, vm);
}

/** The caller holds the VM's operation. @param reason one sentence, may be empty */
export async function resumeVm(ctx: LifeContext, vm: VmRecord, reason = ""): Promise<VmRecord> {
  const live = requireLive(ctx, vm);
  await live.vm.resume();
  setState(ctx, vm.id, "running", reason);
  await setGuestClock(ctx, live, vm);
  ctx.onLive(live);
  return freshVm(ctx, vm);
}

/** Sets the guest's clock, which is late after a pause of any kind. Best effort: the next user sees a guest that doesn't answer. */
export async function setGuestClock(
  ctx: LifeContext,
  live: LiveVm,
  vm: Pick<VmRecord, "generation" | "name">,
): Promise<void> {
  try {
    const { session } = live;
    await askGuest(ctx, { session, name: vm.name }, ctx.timings.tellMs, (client, signal) =>
      sendIdentity(client, { generation: vm.generation, clock: clockText(ctx.clock.now()) }, { signal }),
    );
  } catch (error) {
    ctx.log.info("a guest's clock could not be set", { vm: vm.name, why: String(error) });
  }
}
