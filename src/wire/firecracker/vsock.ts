/**
 * Opens a connection to a port of the guest over the unix socket of Firecracker's vsock device (docs/vsock.md of Firecracker): we
 * send `CONNECT PORT`, and it answers `OK HOSTPORT` when the guest has accepted, or closes.
 */
import { Deferred, withTimeout } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";

/** `OK ` and a number of 32 bits. */
const maxLine = 16;

/**
 * Resolves when the guest has accepted. Right after a restore that proves little: the guest then resets the connection
 * (`guest-stream.ts`). On failure the connection is destroyed.
 * @param timeoutMs Firecracker gives up after 2 s, but one whose VM is paused does not answer
 */
export async function openVsock(line: ByteStream, port: number, timeoutMs: number): Promise<ByteStream> {
  const opening = new Opening(line);
  line.write(new TextEncoder().encode(`CONNECT ${port}\n`));
  try {
    await withTimeout(opening.done, timeoutMs, () => new Error(`vsock: no answer within ${timeoutMs / 1000} s`));
    return opening.connection;
  } catch (error) {
    line.destroy();
    throw error;
  }
}

class Opening {
  readonly #line: ByteStream;
  readonly #answered = new Deferred<void>();
  #held: Buffer = Buffer.alloc(0);
  #onData: ((chunk: Uint8Array) => void) | null = null;
  #onEnd: (() => void) | null = null;
  #onClose: ((error?: Error) => void) | null = null;
  #hasEnded = false;
  #closed: { error: Error | undefined } | null = null;

  constructor(line: ByteStream) {
    this.#line = line;
    this.#answered.promise.catch(() => {});
    line.onClose((error) => {
      this.#closed = { error };
      this.#answered.reject(error ?? new Error("vsock: the guest does not listen"));
      this.#onClose?.(error);
    });
    line.onEnd(() => {
      this.#hasEnded = true;
      this.#answered.reject(new Error("vsock: the guest does not listen"));
      this.#onEnd?.();
    });
    line.onData((chunk) => (this.#onData ? this.#onData(chunk) : this.#take(chunk)));
  }

  get done(): Promise<void> {
    return this.#answered.promise;
  }

  /** What comes after the answer. */
  get connection(): ByteStream {
    const line = this.#line;
    return {
      write: (chunk) => line.write(chunk),
      drained: () => line.drained(),
      pause: () => line.pause(),
      resume: () => line.resume(),
      end: () => line.end(),
      destroy: (error) => line.destroy(error),
      onData: (listener) => {
        this.#onData = listener;
        if (this.#held.length > 0) listener(this.#held);
        this.#held = Buffer.alloc(0);
      },
      onEnd: (listener) => {
        this.#onEnd = listener;
        if (this.#hasEnded) queueMicrotask(listener);
      },
      onClose: (listener) => {
        this.#onClose = listener;
        const closed = this.#closed;
        if (closed) queueMicrotask(() => listener(closed.error));
      },
    };
  }

  #take(chunk: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, chunk]);
    const end = this.#held.indexOf("\n");
    if ((end < 0 ? this.#held.length : end) > maxLine) this.#answered.reject(new Error("vsock: not an answer"));
    if (end < 0) return;
    const answer = this.#held.subarray(0, end).toString("latin1");
    this.#held = this.#held.subarray(end + 1);
    if (/^OK \d{1,10}$/.test(answer)) this.#answered.resolve();
    else this.#answered.reject(new Error("vsock: not an answer"));
  }
}
