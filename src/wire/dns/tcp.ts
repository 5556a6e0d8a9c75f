/** DNS messages on a byte stream: each behind its length as two bytes. RFC 1035 section 4.2.2. */
import { maxQuery } from "./query.ts";

export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(2 + message.length);
  bytes.writeUInt16BE(message.length, 0);
  bytes.set(message, 2);
  return bytes;
}

/** Queries out of a byte stream, however it is split. */
export class TcpQueries {
  #kept: Buffer = Buffer.alloc(0);

  push(chunk: Uint8Array): void {
    this.#kept = Buffer.concat([this.#kept, chunk]);
  }

  /** Null: it is not complete yet. @throws when its length is not a query's; nothing can be read from then on */
  next(): Buffer | null {
    const kept = this.#kept;
    if (kept.length < 2) return null;
    const length = kept.readUInt16BE(0);
    if (length === 0 || length > maxQuery) throw new Error(`a query has no ${length} bytes`);
    if (kept.length < 2 + length) return null;
    this.#kept = kept.subarray(2 + length);
    return kept.subarray(2, 2 + length);
  }
}
