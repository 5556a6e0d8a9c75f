/** DNS over one TCP connection: as many queries as come, without a pause longer than the limit. RFC 7766. */
import type { ByteStream } from "../../base/bytes.ts";
import { framed, TcpQueries } from "../../wire/dns/tcp.ts";

/**
 * Answers one query after the other, in their order, and reads no further while the other end does not take its answers.
 * @param stream guarded: what a listener throws destroys it
 */
export function serveSession(stream: ByteStream, options: SessionOptions): void {
  new Session(stream, options).begin();
}

export type SessionOptions = {
  /** Null for what gets none. */
  answer(query: Uint8Array): Uint8Array | null;
  /** from one whole query to the next, in `ms` */
  idleMs: number;
  /** The connection is over. */
  onClose(): void;
};

class Session {
  readonly #stream: ByteStream;
  readonly #options: SessionOptions;
  readonly #queries = new TcpQueries();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isFull = false;
  #isEnded = false;
  #isClosed = false;

  constructor(stream: ByteStream, options: SessionOptions) {
    this.#stream = stream;
    this.#options = options;
  }

  begin(): void {
    this.#restartTimer();
    this.#stream.onClose(() => {
      this.#isClosed = true;
      clearTimeout(this.#timer);
      this.#options.onClose();
    });
    this.#stream.onEnd(() => {
      this.#isEnded = true;
      this.#serve();
    });
    this.#stream.onData((chunk) => {
      this.#queries.push(chunk);
      this.#serve();
    });
  }

  #serve(): void {
    while (!this.#isFull && !this.#isClosed) {
      const query = this.#queries.next();
      if (query === null) {
        if (this.#isEnded) this.#stream.end();
        return;
      }
      this.#restartTimer();
      const answer = this.#options.answer(query);
      if (answer !== null && !this.#stream.write(framed(answer))) void this.#waitForRoom();
    }
  }

  async #waitForRoom(): Promise<void> {
    this.#isFull = true;
    this.#stream.pause();
    await this.#stream.drained();
    this.#isFull = false;
    this.#stream.resume();
    try {
      this.#serve();
    } catch (error) {
      this.#stream.destroy(error as Error);
    }
  }

  #restartTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stream.destroy(), this.#options.idleMs);
  }
}
