/** Small promise tools that the language lacks: a promise resolved from outside, a queue, a time limit. */

/** A promise with the two functions that resolve or reject it; only the first call counts. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T | PromiseLike<T>) => void;
  readonly reject: (reason: unknown) => void;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.promise = promise;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/**
 * Items pushed on one side, taken in order on the other by one `for await`. Unbounded unless `limit` is given:
 * then `push` returns false and drops the item when that many are waiting.
 */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  #waiting: Deferred<void> | null = null;
  #over = false;
  #error: unknown;

  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  push(item: T): boolean {
    if (this.#over || this.#items.length >= this.#limit) return false;
    this.#items.push(item);
    this.#wake();
    return true;
  }

  /** Ends the queue: what is queued is still delivered, then `error` is thrown if there is one. */
  end(error?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      while (this.#items.length > 0) yield this.#items.shift() as T;
      if (this.#over) break;
      this.#waiting = new Deferred<void>();
      await this.#waiting.promise;
    }
    if (this.#error !== undefined) throw this.#error;
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = null;
  }
}

/** Resolves or rejects as `work` does, or rejects with `onTimeout()` after `ms`. `work` itself is not cancelled. */
export async function withTimeout<T>(work: Promise<T>, ms: number, onTimeout: () => Error): Promise<T> {
  const late = new Deferred<never>();
  const timer = setTimeout(() => late.reject(onTimeout()), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves or rejects as `work` does, or rejects with the signal's reason once it is aborted. `work` itself is not cancelled. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Deferred<never>();
  const onAbort = () => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([aborted.promise, work]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    aborted.promise.catch(() => {});
    work.catch(() => {});
  }
}

/** Resolves when `signal` is aborted, at once if it is already. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Resolves after `ms`, or once `signal` is aborted. @param after calls `run` once after `ms`; its answer cancels that */
export async function pause(
  after: (ms: number, run: () => void) => () => void,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const over = new Deferred<void>();
  const end = () => over.resolve();
  const cancel = after(ms, end);
  signal.addEventListener("abort", end, { once: true });
  await over.promise;
  signal.removeEventListener("abort", end);
  cancel();
}
