/** A VM whose VMM runs, as this daemon knows it. */
import { fail, toBangerError } from "../../base/errors/error.ts";
import type { VmId } from "../../base/names.ts";
import { oneAtATime } from "../../base/one-at-a-time.ts";
import type { RunningVm, VmExit, VmmStop, VmmTrouble } from "../../vmm/driver.ts";
import type { GuestContext } from "./context.ts";
import { AgentSession } from "./session.ts";
import { noteTrouble } from "./trouble.ts";

export type LiveVm = {
  id: VmId;
  vm: RunningVm;
  session: AgentSession;
  /** its services were up when it was saved, so they are not waited for */
  servicesAreUp: boolean;
  /** set by a start under way: called when the VMM stops the guest */
  onStop: (stop: VmmStop) => void;
  /** how it ended, refined by what the guest announced; never rejects */
  exit: Promise<VmExit>;
};

/** Registers a running VM; `ctx.onEnd` is called once when it has ended, for whatever reason. */
export function addLive(
  ctx: GuestContext,
  id: VmId,
  vm: RunningVm,
  { isWarm: servicesAreUp = false, session: known = null }: { isWarm?: boolean; session?: AgentSession | null } = {},
): LiveVm {
  const session = known ?? new AgentSession(ctx, vm, () => ctx.store.vms.byId(id)?.name ?? id);
  const exit = vm.wait().then((raw) => withIntent(raw, session));
  const live: LiveVm = { id, vm, session, servicesAreUp: servicesAreUp, exit, onStop: () => {} };
  ctx.live.set(id, live);
  ctx.onLive(live);
  // a VMM may report it any number of times
  const note = oneAtATime(() => ctx.onStopped(live));
  vm.onStopped((stop) => {
    live.onStop(stop);
    void note();
  });
  if (vm.stopped()) void note();
  vm.onTrouble((trouble) => noteIfPossible(ctx, live, trouble));
  void exit.then((how) => ctx.onEnd(live, how));
  return live;
}

/** A store that can't write, such as on a full disk, must not end the monitor of a VM that runs: a listener that throws does. */
function noteIfPossible(ctx: GuestContext, live: LiveVm, trouble: VmmTrouble): void {
  try {
    noteTrouble(ctx, live, trouble);
  } catch (error) {
    const { kind, reason } = trouble;
    ctx.log.error("a VM's trouble can't be noted", { id: live.id, kind, reason, error: toBangerError(error).message });
  }
}

/** @throws AGENT_UNREACHABLE for one whose VMM has just ended, VMM_UNREACHABLE for one whose VMM does not answer this daemon */
export function requireLive(ctx: GuestContext, vm: { id: VmId; name: string }): LiveVm {
  const live = ctx.live.get(vm.id);
  const silent = live ? undefined : ctx.unreachable.get(vm.id);
  if (silent) throw silent;
  if (!live) throw fail("AGENT_UNREACHABLE", { name: vm.name, reason: "its VMM has just ended" });
  return live;
}

/** Forgets a VM that has ended, or that keeps running without this daemon. */
export function removeLive(ctx: GuestContext, live: LiveVm): void {
  if (ctx.live.get(live.id) === live) ctx.live.delete(live.id);
  live.session.close();
  live.vm.release();
}

/** The VMM sees only that the guest ended; the agent announced how it was meant. */
function withIntent(exit: VmExit, session: AgentSession): VmExit {
  const guestMade = exit.kind === "poweroff" || exit.kind === "halt";
  return guestMade && session.intent ? { kind: session.intent } : exit;
}
