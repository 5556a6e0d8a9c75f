/** Work whose failure must not fail its caller. */
import { toBangerError } from "../../base/errors/error.ts";
import type { GuestContext } from "./context.ts";

/** Removes what is no longer needed; what can't be removed is noted. Never rejects. */
export async function discard(ctx: Pick<GuestContext, "files" | "leftovers" | "log">, path: string): Promise<void> {
  await attempt(ctx, `removing ${path}`, () => ctx.files.removeTree(path));
}

/** Runs one of several independent actions; a failure is logged. Never rejects. */
export async function attempt(
  ctx: Pick<GuestContext, "leftovers" | "log">,
  what: string,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    ctx.leftovers.note(error);
    ctx.log.error(`${what} failed`, { error: toBangerError(error).message });
  }
}
