/** Time, handed in so that tests own it. */

export interface Clock {
  /** Unix time in `ms` */
  now(): number;
  /** `ms` that only grow, with a fraction; for durations */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** Stands still until told. */
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
