import type { Clock } from "../clock.ts";

/** A clock that changes only with `advance`. */
export function fakeClock(start = 1_700_000_000_000): Clock & { advance(ms: number): void } {
  let at = start;
  return {
    now: () => at,
    monotonic: () => at - start,
    advance(ms) {
      at += ms;
    },
  };
}
