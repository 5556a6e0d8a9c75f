/** Waiting for the REPLY to an OPEN, for as long as the opener wants. */
import { Deferred } from "../../base/async.ts";
import type { OpenOptions } from "./types.ts";

/** An agent answers an OPEN before it does the work, but under emulation on a busy host that may take seconds. */
const defaultTimeoutMs = 30_000;

export class Opening {
  readonly #answered = new Deferred<void>();

  accept(): void {
    this.#answered.resolve();
  }

  fail(error: unknown): void {
    this.#answered.reject(error);
  }

  /** @throws what `fail` was given, the signal's reason, `tooLate` of the limit in seconds */
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
