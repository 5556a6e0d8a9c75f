/**
 * When the network is looked at again: soon after something changed on the host, but not more often than it makes sense. Where another program
 * takes away again and again what is ours, the looks become rarer.
 */
import type { Clock } from "../host/clock.ts";

/** changes come in bursts; one look for all of them, in `ms` after the first */
const settleMs = 50;
/** between the starts of two looks, in `ms` */
const [leastGapMs, mostGapMs] = [1000, 60_000];

export type ChecksDeps = {
  /** @returns whether something had to be made again */
  check(): Promise<boolean>;
  failed(error: unknown): void;
  clock: Pick<Clock, "monotonic">;
  /** calls back after `ms`; @returns what cancels it */
  after(ms: number, run: () => void): () => void;
};

export class Checks {
  readonly #deps: ChecksDeps;
  #cancel: (() => void) | null = null;
  #last = Number.NEGATIVE_INFINITY;
  #gapMs = leastGapMs;
  #isRunning = false;
  #isWanted = false;
  #isStopped = false;

  constructor(deps: ChecksDeps) {
    this.#deps = deps;
  }

  /** Something may have changed. A look that is under way may have missed it, so another one follows. */
  request(): void {
    if (this.#isRunning) this.#isWanted = true;
    if (this.#isRunning || this.#isStopped || this.#cancel) return;
    const now = this.#deps.clock.monotonic();
    this.#cancel = this.#deps.after(Math.max(settleMs, this.#last + this.#gapMs - now), () => void this.#run());
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  async #run(): Promise<void> {
    this.#cancel = null;
    this.#isRunning = true;
    this.#isWanted = false;
    this.#last = this.#deps.clock.monotonic();
    const isRepaired = await this.#deps.check().catch((error: unknown) => {
      this.#deps.failed(error);
      return true;
    });
    this.#gapMs = isRepaired ? Math.min(2 * this.#gapMs, mostGapMs) : leastGapMs;
    this.#isRunning = false;
    if (this.#isWanted) this.request();
  }
}
