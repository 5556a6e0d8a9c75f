/** Trying again what may go well the next time: after a growing, slightly random pause, or when the other side says. */

/** A failure that may be over soon. `final` is what the user sees when it isn't. */
export class TransientError extends Error {
  readonly final: Error;
  /** when the other side wants to be asked again, in `ms`; null: it does not say */
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

  /** Something went well: earlier failures don't count any more. */
  progress(): void {
    this.#failures = 0;
  }

  /** Returns after a pause when it is worth trying again. @throws what the user is to see otherwise */
  async after(error: unknown, signal: AbortSignal): Promise<void> {
    if (!(error instanceof TransientError)) throw error;
    this.#failures += 1;
    if (this.#failures >= maxFailures) throw error.final;
    const grown = firstPauseMs * 2 ** (this.#failures - 1) * (0.75 + this.#random() / 2);
    await this.#pause(Math.min(error.afterMs ?? grown, longestPauseMs), signal);
  }
}

/** Runs `attempt` until it goes well. */
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

/** `Retry-After`: seconds, or a date (RFC 9110, 10.2.3). Null when it says nothing. @param now Unix time in `ms` */
export function retryAfter(text: string | null, now: number): number | null {
  if (text === null) return null;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
