/** Getting something that several want at once: it is done once, and everybody who waits hears how far it is. */
import { SharedWork } from "../base/shared-work.ts";
import type { Emit } from "../model/event.ts";

export class SharedJobs<T> {
  readonly #shared = new SharedWork<T>("again");
  readonly #listeners = new Map<string, Set<Emit>>();

  /** Joins the work of that key, or begins it; does its own once when what it joined fails. @throws as `SharedWork` does */
  async run(
    key: string,
    emit: Emit,
    signal: AbortSignal,
    work: (emit: Emit, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const listeners = this.#listeners.get(key) ?? new Set<Emit>();
    this.#listeners.set(key, listeners.add(emit));
    const tellAll: Emit = (event) => {
      for (const listener of listeners) listener(event);
    };
    try {
      return await this.#shared.run(key, signal, (shared) => work(tellAll, shared));
    } finally {
      listeners.delete(emit);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    }
  }
}
