/** The body of a response, between the connection and its reader: memory is bounded, a slow reader pauses the connection. */
import type { ByteStream } from "../../base/bytes.ts";

/** bytes that can wait before the connection is paused */
const highWater = 256 * 1024;

export class HttpBody implements AsyncIterable<Uint8Array> {
  readonly #line: Pick<ByteStream, "pause" | "resume" | "destroy">;
  readonly #chunks: Uint8Array[] = [];
  #waiting = 0;
  #paused = false;
  #over = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(line: Pick<ByteStream, "pause" | "resume" | "destroy">) {
    this.#line = line;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    if (this.#waiting >= highWater && !this.#paused) {
      this.#paused = true;
      this.#line.pause();
    }
    this.#wake?.();
  }

  /** The body has ended; waiting data is still read, then `error` is thrown if there is one. */
  end(error?: Error): void {
    this.#over = true;
    this.#error = error;
    this.#wake?.();
  }

  /** Allows one reader; when it stops early the connection is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    let isWhole = false;
    try {
      for (;;) {
        for (let chunk = this.#shift(); chunk; chunk = this.#shift()) yield chunk;
        if (this.#over) break;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      isWhole = true;
    } finally {
      if (!isWhole) this.#line.destroy();
    }
    if (this.#error) throw this.#error;
  }

  #shift(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (!chunk) return undefined;
    this.#waiting -= chunk.length;
    if (this.#paused && this.#waiting < highWater / 2) {
      this.#paused = false;
      this.#line.resume();
    }
    return chunk;
  }
}
