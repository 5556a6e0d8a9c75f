/** Work whose failure is no reason to fail. */
import { toBangerError } from "../../base/errors/error.ts";
import type { GuestContext } from "./context.ts";

/** Removes what nobody needs any more; what stays is noted. Never rejects. */
export async function discard(ctx: Pick<GuestContext, "files" | "leftovers" | "log">, path: string): Promise<void> {
  await attempt(ctx, `removing ${path}`, () => ctx.files.removeTree(path));
}

/** Does one of several things that don't depend on each other; a failure is logged. Never rejects. */
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
