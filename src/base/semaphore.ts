/** Runs a limited number of tasks at a time, in the order in which they came. */
import { Deferred, orAborted } from "./async.ts";

export class Semaphore {
  #free: number;
  readonly #waiting: Deferred<void>[] = [];

  constructor(slots: number) {
    this.#free = slots;
  }

  /** @throws the signal's reason when it is aborted before the task starts, and what `work` throws */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const turn = new Deferred<void>();
    this.#waiting.push(turn);
    try {
      await orAborted(turn.promise, signal);
    } catch (error) {
      const at = this.#waiting.indexOf(turn);
      if (at >= 0) this.#waiting.splice(at, 1);
      else this.#leave();
      throw error;
    }
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next.resolve();
    else this.#free += 1;
  }
}
