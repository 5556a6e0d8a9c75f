/** Time limits on the daemon's own timers, which tests own. */
import type { GuestContext } from "./context.ts";

type Timers = Pick<GuestContext, "after">;

/** Resolves or rejects as `work` does, or rejects with `onTimeout()` after `ms`. `work` itself continues. */
export async function withLimit<T>(ctx: Timers, work: Promise<T>, ms: number, onTimeout: () => Error): Promise<T> {
  const late = Promise.withResolvers<never>();
  const cancel = ctx.after(ms, () => late.reject(onTimeout()));
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    cancel();
  }
}

/** False when `work` takes more than `ms`; `work` itself continues. @throws what `work` throws in time */
export async function isOverWithin(ctx: Timers, work: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const cancel = ctx.after(ms, () => late.resolve(false));
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    cancel();
  }
}
