/** Runs work once for all who request it at the same time, and sends its events to each of them. */
import { SharedWork } from "../base/shared-work.ts";
import type { Emit } from "../model/event.ts";

export class SharedJobs<T> {
  readonly #shared = new SharedWork<T>("again");
  readonly #listeners = new Map<string, Set<Emit>>();

  /**
   * Joins the running work of that key, or starts it. If the joined work fails, runs its own once. @throws as
   * `SharedWork` does
   */
  async run(
    key: string,
    emit: Emit,
    signal: AbortSignal,
    work: (emit: Emit, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const listeners = this.#listeners.get(key) ?? new Set<Emit>();
    this.#listeners.set(key, listeners.add(emit));
    const emitToAll: Emit = (event) => {
      for (const listener of listeners) listener(event);
    };
    try {
      return await this.#shared.run(key, signal, (shared) => work(emitToAll, shared));
    } finally {
      listeners.delete(emit);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    }
  }
}
