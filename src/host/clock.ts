/** Time as an argument, so that tests control it. */

export interface Clock {
  /** Unix time in `ms` */
  now(): number;
  /** monotonic time in `ms`, with a fraction; for durations */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

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
