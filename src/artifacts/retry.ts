/** Retries transient failures, after a growing, slightly random pause or the one that the other side asked for. */

/** A transient failure. `final` is the error for the user if it persists. */
export class TransientError extends Error {
  readonly final: Error;
  /** pause that the other side asked for, in `ms`; null if it didn't */
  readonly afterMs: number | null;
  constructor(final: Error, afterMs: number | null = null) {
    super(final.message, { cause: final });
    this.name = "TransientError";
    this.final = final;
    this.afterMs = afterMs;
  }
}

/** Resolves after `ms`, or rejects with the signal's reason. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

/** failures in a row without progress */
const maxFailures = 5;
const firstPauseMs = 500;
const longestPauseMs = 60_000;

export class Retries {
  readonly #pause: Pause;
  readonly #random: () => number;
  #failures = 0;

  constructor(pause: Pause, random: () => number = Math.random) {
    this.#pause = pause;
    this.#random = random;
  }

  /** Call it on progress: earlier failures no longer count. */
  progress(): void {
    this.#failures = 0;
  }

  /** Returns after a pause if a retry is worthwhile. @throws the error for the user otherwise */
  async after(error: unknown, signal: AbortSignal): Promise<void> {
    if (!(error instanceof TransientError)) throw error;
    this.#failures += 1;
    if (this.#failures >= maxFailures) throw error.final;
    const grown = firstPauseMs * 2 ** (this.#failures - 1) * (0.75 + this.#random() / 2);
    await this.#pause(Math.min(error.afterMs ?? grown, longestPauseMs), signal);
  }
}

/** Runs `attempt` until it succeeds or a retry is pointless. */
export async function retrying<T>(pause: Pause, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  const retries = new Retries(pause);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      await retries.after(error, signal);
    }
  }
}

/**
 * `Retry-After`: seconds, or a date (RFC 9110, 10.2.3). Null if it is absent or invalid. @param now Unix time in `ms`
 */
export function retryAfter(text: string | null, now: number): number | null {
  if (text === null) return null;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
