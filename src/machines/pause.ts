/** A VM that stands still in memory, and one that goes on with the right time. */
import type { VmRecord } from "../model/vm.ts";
import { askGuest } from "./ask-guest.ts";
import type { Context } from "./context.ts";
import { sendIdentity } from "./greet.ts";
import { clockText } from "./identity.ts";
import { type LiveVm, requireLive } from "./live.ts";
import { enter, freshVm } from "./state.ts";

/** The caller holds the VM's operation. Written first: resuming one that runs does no harm. */
export async function pauseVm(ctx: Context, vm: VmRecord): Promise<VmRecord> {
  const live = requireLive(ctx, vm);
  enter(ctx, vm.id, "paused", "");
  try {
    await live.vm.pause();
  } catch (error) {
    await ctx.unlessReleased();
    if (ctx.live.get(vm.id) === live) enter(ctx, vm.id, "running", "it could not be paused");
    throw error;
  }
  return freshVm(ctx, vm);
}

/** The caller holds the VM's operation. @param reason one sentence, may be empty */
export async function resumeVm(ctx: Context, vm: VmRecord, reason = ""): Promise<VmRecord> {
  const live = requireLive(ctx, vm);
  await live.vm.resume();
  enter(ctx, vm.id, "running", reason);
  await tellTime(ctx, live, vm);
  ctx.onLive(live);
  return freshVm(ctx, vm);
}

/** After a pause of any kind the guest's clock is late. Best effort: a guest that doesn't answer is met by who uses it. */
export async function tellTime(ctx: Context, live: LiveVm, vm: Pick<VmRecord, "generation" | "name">): Promise<void> {
  try {
    const { session } = live;
    await askGuest(ctx, { session, name: vm.name }, ctx.timings.tellMs, (client, signal) =>
      sendIdentity(client, { generation: vm.generation, clock: clockText(ctx.clock.now()) }, { signal }),
    );
  } catch (error) {
    ctx.log.info("a guest could not be told the time", { vm: vm.name, why: String(error) });
  }
}
