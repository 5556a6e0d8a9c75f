/** Waiting for something that may take longer than anyone wants to wait. */
import type { GuestContext } from "./context.ts";

/** False when it takes more than `ms`: then it goes on. @throws what it throws in time */
export async function isOverWithin(
  ctx: Pick<GuestContext, "after">,
  work: Promise<unknown>,
  ms: number,
): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const cancel = ctx.after(ms, () => late.resolve(false));
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    cancel();
  }
}
