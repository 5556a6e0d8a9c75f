/** One connection to the helper: requests are served one after another, and a client that stalls is dropped. */
import { withTimeout } from "../base/async.ts";
import type { ByteStream } from "../base/bytes.ts";
import type { Logger } from "../host/log.ts";
import { maxMessage } from "../wire/helper/answers.ts";
import { decodeBody, encodeFrame, FrameError, FrameReader } from "../wire/helper/frames.ts";
import { readRequest } from "../wire/helper/requests.ts";
import type { HelperAnswer, HelperRequest } from "../wire/helper/verbs.ts";
import { HelperError } from "./helper-error.ts";

export type SessionDeps = {
  /** @throws HelperError */
  handle(request: HelperRequest): Promise<Record<string, unknown>>;
  log: Logger;
  /** who is at the other end, for the log */
  who: Record<string, unknown>;
  /** for a frame to become complete, and for an answer to be read, in `ms` */
  stallMs: number;
};

export class Session {
  readonly #stream: ByteStream;
  readonly #deps: SessionDeps;
  readonly #frames = new FrameReader();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** The caller says when the stream is closed, with `close`. */
  constructor(stream: ByteStream, deps: SessionDeps) {
    this.#stream = stream;
    this.#deps = deps;
    stream.onEnd(() => void this.#work.then(() => stream.end()));
    stream.onData((chunk) => {
      // nothing more is read until these are served, so no more than a chunk waits
      stream.pause();
      this.#work = this.#work.then(() => this.#receive(chunk));
    });
  }

  /** A request that is under way is done to its end; its answer goes nowhere. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Never rejects. */
  async #receive(chunk: Uint8Array): Promise<void> {
    try {
      for (const body of this.#frames.push(chunk)) {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        await this.#serve(body);
      }
    } catch (error) {
      return this.#break(error instanceof FrameError ? error.message : `a bug: ${String(error)}`);
    }
    if (this.#isClosed) return;
    if (this.#frames.isPartial)
      this.#timer ??= setTimeout(() => this.#break("a frame did not become complete in time"), this.#deps.stallMs);
    this.#stream.resume();
  }

  async #serve(body: Uint8Array): Promise<void> {
    if (this.#isClosed) return;
    const read = readRequest(decodeBody(body));
    if (!read) throw new FrameError("a request has no id");
    if (!("problem" in read)) return this.#answer(await this.#perform(read.id, read.request));
    this.#deps.log.warn("refused a request", { ...this.#deps.who, why: read.problem });
    await this.#answer({ id: read.id, error: { kind: "refused", message: read.problem } });
  }

  async #perform(id: number, request: HelperRequest): Promise<HelperAnswer> {
    const { log, who } = this.#deps;
    try {
      const result = await this.#deps.handle(request);
      log.info("did", { ...who, ...request });
      return { id, result };
    } catch (error) {
      const { kind, message, free } = error instanceof HelperError ? error : failureOf(error);
      log.warn("did not", { ...who, ...request, kind, why: message });
      return { id, error: { kind, message: message.slice(0, maxMessage), ...(free === null ? {} : { free }) } };
    }
  }

  async #answer(answer: HelperAnswer): Promise<void> {
    if (this.#isClosed || this.#stream.write(encodeFrame(answer))) return;
    const late = () => new FrameError("an answer was not read in time");
    await withTimeout(this.#stream.drained(), this.#deps.stallMs, late);
  }

  #break(why: string): void {
    if (this.#isClosed) return;
    this.#deps.log.warn("closed a connection", { ...this.#deps.who, why });
    this.close();
    this.#stream.destroy();
  }
}

/** A bug of the helper: its caller gets no details. */
function failureOf(error: unknown): HelperError {
  return new HelperError("failed", `internal error: ${error instanceof Error ? error.message : String(error)}`);
}
