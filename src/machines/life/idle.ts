/**
 * Idle VMs: after a time without a session, a connection or load they are suspended, and the next use wakes them. Off unless
 * the VM or the config turns it on.
 */
import { toBangerError } from "../../base/errors/error.ts";
import type { VmId } from "../../base/names.ts";
import { durationText } from "../../base/units.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { Json } from "../../wire/agent/types.ts";
import { askGuest } from "../guest/ask-guest.ts";
import type { LifeContext } from "./context.ts";
import { suspendVm } from "./suspend.ts";

/** The VM is in use until `end` is called. */
export type Use = { end(): void };

export function beginUse(ctx: LifeContext, id: VmId): Use {
  const idle = idleOf(ctx, id);
  idle.users += 1;
  idle.cancel();
  let isOver = false;
  return {
    end() {
      if (isOver) return;
      isOver = true;
      idle.users -= 1;
      if (idle.users === 0) watchIdle(ctx, id);
    },
  };
}

/** Restarts the idle timer. Called for every VM that begins to run. */
export function watchIdle(ctx: LifeContext, id: VmId): void {
  const idle = idleOf(ctx, id);
  idle.cancel();
  idle.cancel = () => {};
  if (idle.users > 0 || !ctx.live.has(id)) return;
  ctx.background(`watching ${id} for use`, arm(ctx, id, idle));
}

/** The VM is about to be removed. */
export function forgetIdle(ctx: LifeContext, id: VmId): void {
  ctx.idle.get(id)?.cancel();
  ctx.idle.delete(id);
}

type Idle = LifeContext["idle"] extends Map<VmId, infer T> ? T : never;

function idleOf(ctx: LifeContext, id: VmId): Idle {
  const known = ctx.idle.get(id) ?? { users: 0, cancel: () => {} };
  ctx.idle.set(id, known);
  return known;
}

async function arm(ctx: LifeContext, id: VmId, idle: Idle): Promise<void> {
  const ms = ctx.store.vms.byId(id)?.spec.idleMs ?? (await ctx.idleLimit());
  if (ms === 0 || idle.users > 0) return;
  idle.cancel();
  idle.cancel = ctx.after(ms, () => ctx.background(`suspending ${id}, which is idle`, suspendIdle(ctx, id, ms)));
}

async function suspendIdle(ctx: LifeContext, id: VmId, ms: number): Promise<void> {
  const isWanted = () => {
    const vm = ctx.store.vms.byId(id);
    return vm?.state === "running" && ctx.live.has(id) && (ctx.idle.get(id)?.users ?? 0) === 0 ? vm : null;
  };
  const vm = isWanted();
  if (!vm) return;
  if (await isBusy(ctx, vm)) return watchIdle(ctx, id);
  await ctx.operations.queue(id, "suspend", async (interrupted) => {
    const now = isWanted();
    if (!now) return;
    try {
      await suspendVm(ctx, now, `not used for ${durationText(ms)}`, () => {}, interrupted);
    } catch (error) {
      ctx.log.warn("an idle VM could not be suspended", { vm: now.name, why: toBangerError(error).message });
      watchIdle(ctx, id);
    }
  });
}

/** The one-minute load average below which a guest is idle. */
const restingLoad = 0.25;

/** A guest with load or connections is in use. One that does not answer counts as used. */
async function isBusy(ctx: LifeContext, vm: VmRecord): Promise<boolean> {
  try {
    const session = ctx.live.get(vm.id)?.session;
    if (!session) return true;
    return await askGuest(ctx, { session, name: vm.name }, ctx.timings.statsMs, async (client, signal) => {
      const stream = await client.open("stats", {}, { signal });
      stream.close();
      return isWorking(stream.reply);
    });
  } catch {
    return true;
  }
}

/** @param stats a guest's answer, untrusted: it decides only about the guest's own suspension */
function isWorking(stats: Json): boolean {
  const { load1, connections = 0 } = stats;
  if (typeof load1 !== "number" || typeof connections !== "number") return true;
  // a guest that reports nonsense counts as used
  return !(load1 >= 0 && load1 < restingLoad && connections === 0);
}
