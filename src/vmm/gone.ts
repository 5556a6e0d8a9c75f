/** Waits for the end of a process that is not our child, once there is reason to think that it is ending. */
import type { ProcessRef } from "../model/vm.ts";

/**
 * Resolves when `process` is gone. The kernel tells only parents of an end; this is for an adopted VMM whose control
 * socket closed, which is gone within a few milliseconds: so a short look again and again, slower as time passes.
 */
export async function gone(process: ProcessRef, isAlive: (ref: ProcessRef) => boolean): Promise<void> {
  for (let pauseMs = 1; isAlive(process); pauseMs = Math.min(pauseMs * 2, 1000)) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
