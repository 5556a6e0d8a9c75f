/**
 * Guests' clocks stop while the host sleeps, and no event reports that it did: a timer compares the time of day with the
 * monotonic clock, which stops too.
 */
import type { LifeContext } from "./context.ts";
import { setGuestClock } from "./pause.ts";

const everyMs = 10_000;
/** Smaller jumps are ordinary clock corrections. */
const jumpMs = 1_000;

export function watchClock(ctx: LifeContext): void {
  const drift = () => ctx.clock.now() - ctx.clock.monotonic();
  let before = drift();
  const look = () => {
    const now = drift();
    if (Math.abs(now - before) >= jumpMs) ctx.background("telling guests the time", setAllClocks(ctx));
    before = now;
    ctx.after(everyMs, look);
  };
  ctx.after(everyMs, look);
}

async function setAllClocks(ctx: LifeContext): Promise<void> {
  ctx.log.info("the host slept, or its clock was set");
  const running = [...ctx.live.values()].flatMap((live) => {
    const vm = ctx.store.vms.byId(live.id);
    return vm?.state === "running" ? [{ live, vm }] : [];
  });
  await Promise.all(running.map(({ live, vm }) => setGuestClock(ctx, live, vm)));
}
