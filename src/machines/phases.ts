/** How long each phase of a start took, for `vm show` and the benchmarks. */
import type { Clock } from "../host/clock.ts";

export class Phases {
  readonly #clock: Clock;
  readonly #parts: string[] = [];
  #last: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#last = clock.monotonic();
  }

  /** Ends the phase that ran until now. */
  mark(name: string): void {
    const now = this.#clock.monotonic();
    this.#parts.push(`${name} ${Math.round(now - this.#last)} ms`);
    this.#last = now;
  }

  /** `cold (it has run before): prepare 12 ms, vmm 80 ms, agent 7300 ms` */
  after(how: string): string {
    return `${how}: ${this.#parts.join(", ")}`;
  }
}
