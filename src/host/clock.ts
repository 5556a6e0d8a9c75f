/** Time as an argument, so that tests control it. */

export interface Clock {
  /** Unix time in `ms` */
  now(): number;
  /** monotonic time in `ms`, with a fraction; for durations */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
