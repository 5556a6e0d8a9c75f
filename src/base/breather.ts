/** For long work in the thread that serves everybody: lets timers and sockets have their turn. */

/** `ms` at a stretch */
const stretch = 10;

export class Breather {
  #since = performance.now();

  /** To be asked between pieces of work that take well below a stretch. */
  get isDue(): boolean {
    return performance.now() - this.#since >= stretch;
  }

  /** Gives way to what waits, when a stretch is over. */
  async rest(): Promise<void> {
    if (!this.isDue) return;
    await new Promise<void>((resolve) => void setImmediate(resolve));
    this.#since = performance.now();
  }
}
