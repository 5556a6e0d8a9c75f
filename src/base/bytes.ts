/** The one shape of a byte stream inside banger: sockets, pipes and in-memory pairs all look like this. */

/** A duplex byte stream with back-pressure on both sides. Listeners are set once; data before that is kept. */
export interface ByteStream {
  /** each chunk in order; a chunk belongs to the listener and is never used again by the stream */
  onData(listener: (chunk: Uint8Array) => void): void;
  /** the other end will send nothing more, but may still read */
  onEnd(listener: () => void): void;
  /** exactly once, when both directions are over; `error` when it was no clean end */
  onClose(listener: (error?: Error) => void): void;
  /** false: the buffer is over its mark, wait for `drained()` before the next write */
  write(chunk: Uint8Array): boolean;
  /**
   * Of unix sockets alone: writes `chunk` behind what was written before, and gives the other end a copy of `descriptor` with it.
   * `descriptor` may be closed when it resolves. @throws when the other end takes nothing
   */
  writeWith?(descriptor: number, chunk: Uint8Array): Promise<void>;
  /** resolves when the buffer is under its mark again, or when the stream is closed */
  drained(): Promise<void>;
  /** stops and resumes `onData` */
  pause(): void;
  resume(): void;
  /** half close, after what was written */
  end(): void;
  destroy(error?: Error): void;
}
