/** Work that several callers want at once and that is done once: by key, cancelled when no caller waits for it any more. */
import { orAborted } from "./async.ts";

type Shared<T> = { promise: Promise<T>; stop: AbortController; waiting: number };

/** `fail`: they fail with it. `again`: each runs its own work, once, which may succeed with its own credentials or mirror. */
export type OnFailure = "fail" | "again";

export class SharedWork<T> {
  readonly #running = new Map<string, Shared<T>>();
  readonly #onFailure: OnFailure;

  /** @param onFailure what happens to callers that joined work which fails */
  constructor(onFailure: OnFailure = "fail") {
    this.#onFailure = onFailure;
  }

  /**
   * Joins the work of that key, or starts it.
   * @throws the signal's reason for this caller alone; what `work` throws
   */
  async run(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const running = this.#running.get(key);
    if (!running) return this.#wait(key, this.#begin(key, work), signal);
    try {
      return await this.#wait(key, running, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (this.#onFailure === "fail") throw error;
      return work(signal);
    }
  }

  async #wait(key: string, shared: Shared<T>, signal: AbortSignal): Promise<T> {
    shared.waiting += 1;
    try {
      return await orAborted(shared.promise, signal);
    } finally {
      shared.waiting -= 1;
      // a caller that comes now starts anew, and does not join what is being cancelled
      if (shared.waiting === 0 && this.#running.get(key) === shared) {
        this.#running.delete(key);
        shared.stop.abort(signal.reason);
        await shared.promise.catch(() => {});
      }
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Shared<T> {
    const stop = new AbortController();
    const shared: Shared<T> = { promise: work(stop.signal), stop, waiting: 0 };
    const forget = () => {
      if (this.#running.get(key) === shared) this.#running.delete(key);
    };
    shared.promise.then(forget, forget);
    this.#running.set(key, shared);
    return shared;
  }
}
