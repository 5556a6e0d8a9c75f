/** State changes and changes of ports, sent to every listener; a slow or broken listener never delays a VM. */
import type { PortEvent, StateEvent } from "../../model/event.ts";

export type StateListener = (event: StateEvent) => void;
export type PortListener = (event: PortEvent) => void;

class Events<E> {
  readonly #listeners = new Set<(event: E) => void>();

  emit(event: E): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** @returns stops listening */
  subscribe(listener: (event: E) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

export class StateEvents extends Events<StateEvent> {}
export class PortEvents extends Events<PortEvent> {}
