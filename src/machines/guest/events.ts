/** State changes, sent to every listener; a slow or broken listener never delays a VM. */
import type { StateEvent } from "../../model/event.ts";

export type StateListener = (event: StateEvent) => void;

export class StateEvents {
  readonly #listeners = new Set<StateListener>();

  emit(event: StateEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** @returns stops listening */
  subscribe(listener: StateListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
