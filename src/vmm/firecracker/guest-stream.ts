/**
 * A connection to the guest's agent over vsock. That Firecracker says OK does not prove that the guest has the connection: after a
 * restore the guest's kernel resets the first one. Nor does a guest that still boots listen. So until the agent's first byte has come,
 * a connection that ends is made anew, and what was written to it is sent again; the agent sends nothing unasked. After that byte it
 * is a stream like any other.
 */
import type { ByteStream } from "../../base/bytes.ts";

export type GuestStreamParts = {
  /** opens one connection, which Firecracker has accepted; must fail within a limit of its own */
  dial(): Promise<ByteStream>;
  /** resolves while the VM is not paused: a paused one does not answer */
  running(): Promise<void>;
};

/** Bytes that may be written before the agent's first answer. The agent's preamble has less than a hundred. */
const maxUnproven = 64 * 1024;
/** `ms` before each further try, the last for all later ones. The second try after a restore always works, so it comes at once. */
const delaysMs = [0, 2, 5, 10, 20, 50];

export class GuestStream implements ByteStream {
  readonly #parts: GuestStreamParts;
  #line: ByteStream | null = null;
  #unproven: Uint8Array[] | null = [];
  #unprovenBytes = 0;
  #tries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isPaused = false;
  #isEnding = false;
  #isClosed = false;
  #failure: Error | undefined;
  #onData: ((chunk: Uint8Array) => void) | undefined;
  #onEnd: (() => void) | undefined;
  #onClose: ((error?: Error) => void) | undefined;

  constructor(parts: GuestStreamParts) {
    this.#parts = parts;
  }

  /** Connecting begins with the first listener. */
  onData(listener: (chunk: Uint8Array) => void): void {
    this.#onData = listener;
    void this.#connect();
  }

  onEnd(listener: () => void): void {
    this.#onEnd = listener;
  }

  onClose(listener: (error?: Error) => void): void {
    this.#onClose = listener;
    if (this.#isClosed) queueMicrotask(() => listener(this.#failure));
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isClosed) return true;
    if (this.#unproven) {
      this.#unprovenBytes += chunk.length;
      if (this.#unprovenBytes > maxUnproven) {
        this.destroy(new Error("too much was sent before the agent answered"));
        return true;
      }
      this.#unproven.push(new Uint8Array(chunk));
    }
    return this.#line?.write(chunk) ?? true;
  }

  async drained(): Promise<void> {
    await this.#line?.drained();
  }

  pause(): void {
    this.#isPaused = true;
    this.#line?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#line?.resume();
  }

  end(): void {
    this.#isEnding = true;
    this.#line?.end();
  }

  destroy(error?: Error): void {
    this.#line?.destroy(error);
    this.#close(error);
  }

  async #connect(): Promise<void> {
    await this.#parts.running();
    if (this.#isClosed) return;
    let line: ByteStream;
    try {
      line = await this.#parts.dial();
    } catch {
      return this.#tryAgain();
    }
    if (this.#isClosed) return line.destroy();
    this.#use(line);
  }

  #use(line: ByteStream): void {
    this.#line = line;
    for (const chunk of this.#unproven ?? []) line.write(chunk);
    if (this.#isEnding) line.end();
    line.onClose((error) => (this.#unproven ? this.#lost(line) : this.#close(error)));
    line.onEnd(() => (this.#unproven ? this.#lost(line) : this.#onEnd?.()));
    line.onData((chunk) => {
      if (this.#line !== line) return;
      this.#unproven = null;
      this.#onData?.(chunk);
    });
    if (this.#isPaused) line.pause();
  }

  /** It ended before the agent's first byte. */
  #lost(line: ByteStream): void {
    if (this.#line !== line) return;
    this.#line = null;
    line.destroy();
    this.#tryAgain();
  }

  #tryAgain(): void {
    if (this.#isClosed) return;
    const delay = delaysMs[Math.min(this.#tries, delaysMs.length - 1)];
    this.#tries += 1;
    this.#timer = setTimeout(() => void this.#connect(), delay);
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#failure = error;
    clearTimeout(this.#timer);
    const listener = this.#onClose;
    if (listener) queueMicrotask(() => listener(error));
  }
}
