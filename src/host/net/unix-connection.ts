/**
 * A connection to a unix socket by the runtime's own client. It does what `connectUnix` does, and takes a program that lives for
 * 20 ms one of them; node:net, which is loaded for it, takes four.
 */
import { Deferred, withTimeout } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { type Peer, peerCredentials } from "../libc.ts";
import { noAnswer, requireShortPath } from "./socket-path.ts";

/**
 * @param check throws for a listener that isn't to be spoken to (who called listen(2); null when the kernel does not say): nothing was
 *   sent by then, nothing will be
 * @throws PATH_TOO_LONG, what `check` throws, and the system's error when nobody listens
 */
export async function connectUnixLine(
  path: string,
  timeoutMs = 10_000,
  check?: (listener: Peer | null) => void,
): Promise<ByteStream> {
  requireShortPath(path);
  const line = new UnixLine();
  const connecting = Bun.connect({
    unix: path,
    allowHalfOpen: true,
    socket: {
      open: (socket) => line.opened(socket),
      data: (_, chunk) => line.take(chunk),
      drain: () => line.flush(),
      end: () => line.takeEnd(),
      error: (_, error) => line.destroy(error),
      close: (_, error) => line.takeClose(error),
    },
  });
  try {
    const socket = await withTimeout(connecting, timeoutMs, () => noAnswer(path));
    check?.(listenerOf(socket));
    return line;
  } catch (error) {
    line.destroy();
    throw error;
  }
}

function listenerOf(socket: Bun.Socket): Peer | null {
  // the types leave it out
  const { fd } = socket as Bun.Socket & { fd?: number };
  return typeof fd === "number" && fd >= 0 ? peerCredentials(fd) : null;
}

/** Unsent bytes beyond which a writer is asked to wait. */
const mark = 64 * 1024;

class UnixLine implements ByteStream {
  #socket: Bun.Socket | null = null;
  #unsent: Uint8Array[] = [];
  #unsentBytes = 0;
  #room = new Deferred<void>();
  #isEnding = false;
  #isTheirsOver = false;
  #isClosed = false;
  #failure: Error | undefined;
  #onData: ((chunk: Uint8Array) => void) | undefined;
  #onEnd: (() => void) | undefined;
  #onClose: ((error?: Error) => void) | undefined;

  /** Nothing is read before there is a listener. */
  opened(socket: Bun.Socket): void {
    this.#socket = socket;
    if (this.#isClosed) socket.terminate();
    else socket.pause();
  }

  take(chunk: Uint8Array): void {
    this.#onData?.(chunk);
  }

  takeEnd(): void {
    if (this.#isTheirsOver) return;
    this.#isTheirsOver = true;
    this.#onEnd?.();
    this.#closeWhenOver();
  }

  /** Who closes without an error has ended before. */
  takeClose(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#failure ??= error;
    if (!this.#failure) this.takeEnd();
    this.#finish();
  }

  flush(): void {
    for (let chunk = this.#unsent[0]; chunk && !this.#isClosed; chunk = this.#unsent[0]) {
      const sent = Math.max(0, this.#socket?.write(chunk) ?? 0);
      this.#unsentBytes -= sent;
      if (sent < chunk.length) {
        this.#unsent[0] = chunk.subarray(sent);
        break;
      }
      this.#unsent.shift();
    }
    if (this.#unsentBytes < mark) this.#makeRoom();
    if (this.#isEnding && this.#unsent.length === 0) this.#shutDown();
  }

  onData(listener: (chunk: Uint8Array) => void): void {
    this.#onData = listener;
    this.resume();
  }

  onEnd(listener: () => void): void {
    this.#onEnd = listener;
    if (this.#isTheirsOver) queueMicrotask(listener);
  }

  onClose(listener: (error?: Error) => void): void {
    this.#onClose = listener;
    if (this.#isClosed) queueMicrotask(() => listener(this.#failure));
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isClosed || this.#isEnding || chunk.length === 0) return true;
    this.#unsent.push(chunk);
    this.#unsentBytes += chunk.length;
    if (this.#unsent.length === 1) this.flush();
    return this.#unsentBytes < mark;
  }

  drained(): Promise<void> {
    return this.#isClosed || this.#unsentBytes < mark ? Promise.resolve() : this.#room.promise;
  }

  pause(): void {
    if (!this.#isClosed) this.#socket?.pause();
  }

  resume(): void {
    if (!this.#isClosed) this.#socket?.resume();
  }

  end(): void {
    if (this.#isEnding || this.#isClosed) return;
    this.#isEnding = true;
    if (this.#unsent.length === 0) this.#shutDown();
  }

  destroy(error?: Error): void {
    if (this.#isClosed) return;
    this.#failure ??= error;
    this.#finish();
    this.#socket?.terminate();
  }

  #shutDown(): void {
    this.#socket?.shutdown();
    this.#closeWhenOver();
  }

  #closeWhenOver(): void {
    if (this.#isEnding && this.#isTheirsOver && this.#unsent.length === 0) this.#socket?.end();
  }

  #finish(): void {
    this.#isClosed = true;
    this.#unsent = [];
    this.#makeRoom();
    const listener = this.#onClose;
    if (listener) queueMicrotask(() => listener(this.#failure));
  }

  #makeRoom(): void {
    this.#room.resolve();
    this.#room = new Deferred();
  }
}
