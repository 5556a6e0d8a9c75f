/** The start of a session on a connection that can contain remains of an earlier one (`protocol/agent.md`, "Session"). */

export const magic = Buffer.from("banger-agent/1\r\n", "latin1");
export const preambleBytes = 32;
/** the largest frame and one byte less than the magic: completes any frame that an earlier session left cut off */
export const fillerBytes = 32780;

/** @param nonce 16 bytes */
export function tagOf(nonce: Uint8Array): number {
  return Buffer.from(nonce.buffer, nonce.byteOffset, nonce.byteLength).readUInt32LE(0);
}

/** A nonce whose tag is not 0. */
export function makeNonce(): Buffer {
  for (;;) {
    const nonce = crypto.getRandomValues(Buffer.alloc(16));
    if (tagOf(nonce) !== 0) return nonce;
  }
}

export function preamble(nonce: Uint8Array, resync: boolean): Buffer {
  return Buffer.concat([Buffer.alloc(resync ? fillerBytes : 0), magic, nonce]);
}

/** Finds `wanted` in a byte stream, however it is split into chunks. */
export class Scanner {
  readonly #wanted: Buffer;
  readonly #maxSkipped: number;
  #tail: Buffer = Buffer.alloc(0);
  #skipped = 0;

  constructor(wanted: Uint8Array, maxSkipped: number) {
    this.#wanted = Buffer.from(wanted);
    this.#maxSkipped = maxSkipped;
  }

  /** The bytes after `wanted`; null until it was found. @throws RangeError after too many other bytes */
  push(chunk: Uint8Array): Buffer | null {
    const bytes = this.#tail.length > 0 ? Buffer.concat([this.#tail, chunk]) : Buffer.from(chunk);
    const at = bytes.indexOf(this.#wanted);
    if (at >= 0) return bytes.subarray(at + this.#wanted.length);
    const keep = Math.min(bytes.length, this.#wanted.length - 1);
    this.#skipped += bytes.length - keep;
    if (this.#skipped > this.#maxSkipped) throw new RangeError("no answer to the preamble in what was received");
    this.#tail = bytes.subarray(bytes.length - keep);
    return null;
  }
}
