/** Timers that a test fires: none fires on its own. */
type Timer = { ms: number; run: () => void };

export class FakeTimers {
  readonly #pending = new Set<Timer>();
  #changed = Promise.withResolvers<void>();

  readonly after = (ms: number, run: () => void): (() => void) => {
    const timer = { ms, run };
    this.#pending.add(timer);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    return () => void this.#pending.delete(timer);
  };

  /** Runs one timer of exactly `ms`, as soon as it exists. */
  async fire(ms: number): Promise<void> {
    for (;;) {
      const timer = [...this.#pending].find((one) => one.ms === ms);
      if (timer) {
        this.#pending.delete(timer);
        return timer.run();
      }
      await this.#changed.promise;
    }
  }
}
