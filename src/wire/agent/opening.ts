/** The wait for the REPLY to an OPEN. */
import { Deferred } from "../../base/async.ts";
import type { OpenOptions } from "./types.ts";

/** An agent replies before it does the work, but under emulation on a busy host even that can take seconds. */
const defaultTimeoutMs = 30_000;

export class Opening {
  readonly #answered = new Deferred<void>();

  accept(): void {
    this.#answered.resolve();
  }

  fail(error: unknown): void {
    this.#answered.reject(error);
  }

  /** @throws the error given to `fail`, the signal's reason, or `tooLate(seconds)` after the time limit */
  async wait(options: OpenOptions, tooLate: (seconds: number) => Error): Promise<void> {
    const { signal, timeoutMs = defaultTimeoutMs } = options;
    const timer = timeoutMs > 0 ? setTimeout(() => this.fail(tooLate(timeoutMs / 1000)), timeoutMs) : undefined;
    const onAbort = () => this.fail(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await this.#answered.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }
}
