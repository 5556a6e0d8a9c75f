/** How long each phase of a start took, for `vm show` and the benchmarks. */
import type { Clock } from "../../host/clock.ts";
import type { Phase, TimingEvent } from "../../model/event.ts";

export class Phases {
  readonly #clock: Clock;
  readonly #parts: Phase[] = [];
  #last: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#last = clock.monotonic();
  }

  /** Ends the phase that ran until now. */
  mark(name: string): void {
    const now = this.#clock.monotonic();
    this.#parts.push({ name, ms: now - this.#last });
    this.#last = now;
  }

  event(): TimingEvent {
    return { kind: "timing", phases: this.#parts };
  }

  /** `cold (it has run before): network 12 ms, vmm 80 ms, agent 7300 ms` */
  after(how: string): string {
    return `${how}: ${this.#parts.map(({ name, ms }) => `${name} ${Math.round(ms)} ms`).join(", ")}`;
  }
}
