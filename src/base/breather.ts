/** Keeps long work from blocking the event loop: lets timers and sockets run in between. */

/** how long work may run before it yields, in `ms` */
const stretch = 10;

export class Breather {
  #since = performance.now();

  /** Call it between pieces of work that take well below a stretch. */
  get isDue(): boolean {
    return performance.now() - this.#since >= stretch;
  }

  /** Yields to the event loop when a stretch is over. */
  async rest(): Promise<void> {
    if (!this.isDue) return;
    await new Promise<void>((resolve) => void setImmediate(resolve));
    this.#since = performance.now();
  }
}
