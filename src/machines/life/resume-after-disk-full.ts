/**
 * VMs that were stopped because the host's disk is full resume when there is room again. No event reports free space, so a
 * timer looks, less and less often, and only while there is such a VM.
 */
import { toBangerError } from "../../base/errors/error.ts";
import type { VmRecord } from "../../model/vm.ts";
import { freshVm } from "../guest/state.ts";
import type { LifeContext } from "./context.ts";
import { resumeVm } from "./pause.ts";

/** What must fit before they resume, in bytes: less would be written in an instant. */
export const roomToResume = 32 * 1024 * 1024;
/** A VM that is stopped again so soon after it was resumed, in `ms`, is tried again later and later. */
const settledMs = 60_000;

/** Checks until no VM is stopped for lack of space. Idempotent. */
export function watchRoom(ctx: LifeContext): void {
  const { room, timings, clock } = ctx;
  if (room.isWatched) return;
  room.isWatched = true;
  if (clock.monotonic() - room.resumedAt > settledMs) room.waitMs = timings.roomMs.first;
  lookLater(ctx);
}

function lookLater(ctx: LifeContext): void {
  const { room, timings } = ctx;
  const ms = room.waitMs;
  room.waitMs = Math.min(ms * 2, timings.roomMs.last);
  ctx.after(ms, () => ctx.background("looking for room on the disk", look(ctx)));
}

async function look(ctx: LifeContext): Promise<void> {
  const waiting = ctx.store.vms.all().filter((vm) => waitsForRoom(ctx, vm));
  const isRoom = waiting.length > 0 && (await ctx.files.hasRoom(ctx.paths.vms, roomToResume).catch(() => false));
  if (waiting.length > 0 && !isRoom) return lookLater(ctx);
  if (isRoom) await ctx.refillReserve();
  ctx.room.isWatched = false;
  ctx.room.resumedAt = ctx.clock.monotonic();
  await Promise.all(waiting.map((vm) => resume(ctx, vm)));
  // a VM could not be resumed
  if (ctx.store.vms.all().some((vm) => waitsForRoom(ctx, vm))) watchRoom(ctx);
}

function waitsForRoom(ctx: LifeContext, { id, state, pausedBy }: VmRecord): boolean {
  return state === "paused" && pausedBy?.kind === "disk-full" && ctx.live.has(id);
}

async function resume(ctx: LifeContext, stale: VmRecord): Promise<void> {
  try {
    await ctx.operations.queue(stale.id, "resume", async () => {
      const vm = freshVm(ctx, stale);
      if (waitsForRoom(ctx, vm)) await resumeVm(ctx, vm, "the host's disk has room again");
    });
  } catch (error) {
    ctx.log.warn("a VM could not be resumed", { vm: stale.name, why: toBangerError(error).message });
  }
}
