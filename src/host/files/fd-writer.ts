/** Writes to an inherited descriptor: in order and completely, even if it is a pipe that was made non-blocking. */
import * as fs from "node:fs";
import { errnoOf } from "../errno.ts";

/** `ms` between two attempts at a full non-blocking pipe: the runtime has no event for an inherited descriptor */
const firstWaitMs = 1;
const longestWaitMs = 16;

export class FdWriter {
  readonly #fd: number;
  #tail: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** the first error; nothing is written after it */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Resolves when all of it is written; the bytes must not change before. @throws EPIPE, EIO, ENOSPC… */
  write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    const mine = this.#tail.then(() => this.#writeAll(bytes));
    this.#tail = mine.catch(() => {});
    return mine;
  }

  /** Resolves when nothing is waiting to be written. */
  idle(): Promise<void> {
    return this.#tail;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    let waitMs = firstWaitMs;
    for (let at = 0; at < bytes.length; ) {
      try {
        at += await this.#writeSome(bytes, at);
        waitMs = firstWaitMs;
      } catch (error) {
        const code = errnoOf(error);
        if (code === "EINTR") continue;
        if (code !== "EAGAIN") {
          this.#failure = error as Error;
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        waitMs = Math.min(waitMs * 2, longestWaitMs);
      }
    }
  }

  #writeSome(bytes: Uint8Array, at: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    fs.write(this.#fd, bytes, at, bytes.length - at, null, (error, count) => (error ? reject(error) : resolve(count)));
    return promise;
  }
}
