/** The one interface of byte streams in banger: sockets, pipes and in-memory pairs implement it. */

/** A duplex byte stream with back-pressure in both directions. Listeners are set once; data that arrives before is kept. */
export interface ByteStream {
  /** each chunk in order; the chunk belongs to the listener and the stream does not use it again */
  onData(listener: (chunk: Uint8Array) => void): void;
  /** the peer will send nothing more, but can still read */
  onEnd(listener: () => void): void;
  /** exactly once, when both directions are over; with an `error` when the connection did not end cleanly */
  onClose(listener: (error?: Error) => void): void;
  /** false: the buffer is over its high-water mark, wait for `drained()` before the next write */
  write(chunk: Uint8Array): boolean;
  /** whether nothing of what was written is still held: then the caller can change the chunks again; absent: never */
  holdsNothing?(): boolean;
  /**
   * Unix sockets only: writes `chunk` after earlier writes, and passes the peer a copy of `descriptor` with it (SCM_RIGHTS).
   * `descriptor` can be closed once this resolves. @throws when the peer does not read it
   */
  writeWith?(descriptor: number, chunk: Uint8Array): Promise<void>;
  /** resolves when the buffer is below its mark again, or when the stream is closed */
  drained(): Promise<void>;
  /** stop and restart `onData` */
  pause(): void;
  resume(): void;
  /** half-close, after earlier writes */
  end(): void;
  destroy(error?: Error): void;
  /** TCP only: as `destroy`, and the peer is told that it was no orderly end (RST, RFC 9293 section 3.10.7) */
  reset?(): void;
}
