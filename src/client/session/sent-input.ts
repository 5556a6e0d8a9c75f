/** The tail of what was written to a command's stdin, which may not have arrived. */
import { initialCredit } from "../../wire/agent/types.ts";

/** Bytes. At most one credit window is in flight to the daemon, and another from there to the guest: anything older has arrived. */
const inFlight = 2 * initialCredit;

/** Offsets count all bytes of the input from its beginning. */
export class SentInput {
  readonly #chunks: Uint8Array[] = [];
  #kept = 0;
  #end = 0;

  /** Keeps what is being written, which may not change any more. The previous write must have resolved. */
  add(chunk: Uint8Array): void {
    // a small view would keep much memory
    this.#chunks.push(2 * chunk.length < chunk.buffer.byteLength ? new Uint8Array(chunk) : chunk);
    this.#end += chunk.length;
    this.#kept += chunk.length;
    for (;;) {
      const [oldest] = this.#chunks;
      // none of the newest chunk may have been sent yet
      if (!oldest || this.#kept - oldest.length - chunk.length < inFlight) return;
      this.#chunks.shift();
      this.#kept -= oldest.length;
    }
  }

  /** Everything from `offset` on; null if that is no longer kept or was never written. */
  from(offset: number): Uint8Array | null {
    const at = offset - (this.#end - this.#kept);
    if (at < 0 || offset > this.#end) return null;
    return Buffer.concat(this.#chunks).subarray(at);
  }
}
