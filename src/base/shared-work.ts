/** Work that several want at once and that is done once: by key, ended when nobody waits for it any more. */
import { orAborted } from "./async.ts";

type Shared<T> = { promise: Promise<T>; stop: AbortController; waiting: number };

export class SharedWork<T> {
  readonly #running = new Map<string, Shared<T>>();

  /**
   * Joins the work of that key, or begins it.
   * @throws the signal's reason for this caller alone; what `work` throws for all
   */
  async run(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const shared = this.#running.get(key) ?? this.#begin(key, work);
    shared.waiting += 1;
    try {
      return await orAborted(shared.promise, signal);
    } finally {
      shared.waiting -= 1;
      // who comes now begins anew, and does not join what is being ended
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
