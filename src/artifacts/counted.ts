/** Limits the length of a byte stream, computes its digest and reports its progress as it passes. */
import { createHash } from "node:crypto";
import type { Digest } from "../base/names.ts";

const reportEvery = 16 * 1024 * 1024;

export class CountedStream {
  readonly #hash = createHash("sha256");
  readonly #limit: number;
  readonly #onProgress: (bytes: number) => void;
  #bytes = 0;
  #reported = 0;

  /** @param onProgress called about every 16 MiB */
  constructor(limit: number, onProgress: (bytes: number) => void) {
    this.#limit = limit;
    this.#onProgress = onProgress;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False if the stream exceeds its limit. */
  add(chunk: Uint8Array): boolean {
    this.#bytes += chunk.length;
    this.#hash.update(chunk);
    if (this.#bytes - this.#reported >= reportEvery) {
      this.#reported = this.#bytes;
      this.#onProgress(this.#bytes);
    }
    return this.#bytes <= this.#limit;
  }

  /** Of everything that was added; call it once. */
  digest(): Digest {
    return `sha256:${this.#hash.digest("hex")}` as Digest;
  }
}
