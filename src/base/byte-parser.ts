/** Parsers written as if all bytes were available: a generator asks for the bytes it needs, however the input is split. */

export interface ByteParser {
  /** @throws what the parser throws; afterwards it accepts nothing more */
  push(chunk: Uint8Array): void;
  /** The input has ended. @throws when the parser still needed bytes */
  end(): void;
}

/**
 * `parser` yields how many bytes it needs next, or 0 for any number, at least one. It gets a view that is valid until its next yield.
 * At most what it asked for is buffered. It ends by returning, or with the input while it asks for any number.
 * @param failed makes the error for bytes that are missing or too many
 */
export function pull(parser: () => Generator<number, void, Buffer>, failed: (problem: string) => Error): ByteParser {
  const steps = parser();
  let kept: Buffer = Buffer.alloc(0);
  let keptLength = 0;
  let state = steps.next();
  const feed = (bytes: Buffer) => {
    // a parser that threw is finished
    state = { done: true, value: undefined };
    state = steps.next(bytes);
  };
  /** @returns how many bytes of the chunk were used; all of them when more are needed */
  const collect = (chunk: Buffer, wanted: number): number => {
    if (kept.length < wanted) {
      const larger = Buffer.allocUnsafe(wanted);
      kept.copy(larger, 0, 0, keptLength);
      kept = larger;
    }
    const taken = chunk.copy(kept, keptLength, 0, wanted - keptLength);
    keptLength += taken;
    if (keptLength < wanted) return taken;
    keptLength = 0;
    feed(kept.subarray(0, wanted));
    return taken;
  };
  return {
    push(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      for (let at = 0; at < bytes.length; ) {
        if (state.done) throw failed("it continues after its end");
        const wanted = state.value === 0 ? bytes.length - at : state.value;
        if (keptLength > 0 || wanted > bytes.length - at) at += collect(bytes.subarray(at), wanted);
        else {
          feed(bytes.subarray(at, at + wanted));
          at += wanted;
        }
      }
    },
    end() {
      if (!state.done && (state.value !== 0 || keptLength > 0)) throw failed("it ends too early");
    },
  };
}
