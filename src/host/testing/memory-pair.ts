/** Two `ByteStream`s connected in memory, with the back-pressure of a socket; for tests and fakes. */
import type { ByteStream } from "../../base/bytes.ts";
import { guardedConnection } from "../../base/guarded-connection.ts";

const highWater = 256 * 1024;

/** Each end reads a copy of what the other wrote, in later microtasks. */
export function memoryPair(): [ByteStream, ByteStream] {
  const a = new MemoryEnd();
  const b = new MemoryEnd();
  a.peer = b;
  b.peer = a;
  return [guardedConnection(a), guardedConnection(b)];
}

class MemoryEnd implements ByteStream {
  peer!: MemoryEnd;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #paused = false;
  #flushing = false;
  #ended = false;
  #sentEnd = false;
  #gotEnd = false;
  #closed = false;
  #failure: Error | undefined;
  #onData: ((chunk: Uint8Array) => void) | undefined;
  #onEnd: (() => void) | undefined;
  #onClose: ((error?: Error) => void) | undefined;
  #drainers: (() => void)[] = [];

  onData(listener: (chunk: Uint8Array) => void): void {
    this.#onData = listener;
    this.#schedule();
  }
  onEnd(listener: () => void): void {
    this.#onEnd = listener;
    if (this.#gotEnd) queueMicrotask(listener);
    this.#schedule();
  }
  onClose(listener: (error?: Error) => void): void {
    this.#onClose = listener;
    if (this.#closed) queueMicrotask(() => listener(this.#failure));
  }
  write(chunk: Uint8Array): boolean {
    if (this.#closed || this.#sentEnd) return true;
    // not slice(): a Buffer's is a view
    this.peer.#queue.push(new Uint8Array(chunk));
    this.peer.#queued += chunk.length;
    this.peer.#schedule();
    return this.peer.#queued < highWater;
  }
  drained(): Promise<void> {
    if (this.#closed || this.peer.#queued < highWater) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drainers.push(resolve);
    return promise;
  }
  pause(): void {
    this.#paused = true;
  }
  resume(): void {
    this.#paused = false;
    this.#schedule();
  }
  end(): void {
    if (this.#closed || this.#sentEnd) return;
    this.#sentEnd = true;
    this.peer.#ended = true;
    this.peer.#schedule();
  }
  destroy(error?: Error): void {
    this.#close(error);
    // earlier data still arrives, as on a socket that was closed in order
    this.peer.#ended = true;
    this.peer.#sentEnd = true;
    this.peer.#schedule();
  }

  #schedule(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (!this.#paused && this.#onData && this.#queue.length > 0 && !this.#closed) {
      const chunk = this.#queue.shift() as Uint8Array;
      this.#queued -= chunk.length;
      this.#onData(chunk);
    }
    if (this.#queued < highWater) for (const done of this.peer.#drainers.splice(0)) done();
    if (this.#queue.length > 0 || !this.#ended || this.#paused || this.#closed) return;
    if (!this.#gotEnd) {
      this.#gotEnd = true;
      this.#onEnd?.();
    }
    if (this.#sentEnd) {
      this.#close();
      this.peer.#close();
    }
  }

  #close(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#failure = error;
    this.#queue = [];
    this.#queued = 0;
    for (const done of [...this.#drainers.splice(0), ...this.peer.#drainers.splice(0)]) done();
    queueMicrotask(() => this.#onClose?.(this.#failure));
  }
}
