/** Parses an HTTP/1.1 response as it arrives (RFC 9112): head, framing, body, or the raw connection after a 101. */
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { HttpBody } from "./http-body.ts";

export type Head = {
  status: number;
  /** names in lower case */
  headers: Record<string, string>;
};

type Framing =
  | { kind: "length"; left: number }
  | { kind: "chunked"; left: number; at: "size" | "data" | "data end" }
  | { kind: "close" };

const maxHead = 64 * 1024;
const maxChunkHead = 1024;
const nothing = Buffer.alloc(0);

/** The daemon is ours, but another process may answer at its socket: every size is bounded. */
export class HttpAnswerReader {
  readonly body: HttpBody;
  readonly #line: ByteStream;
  readonly #head = new Deferred<Head>();
  #held: Buffer = nothing;
  #framing: Framing | null = null;
  #upgraded = false;
  #over = false;
  #onData: ((chunk: Uint8Array) => void) | undefined;
  #onEnd: (() => void) | undefined;
  #onClose: ((error?: Error) => void) | undefined;

  constructor(line: ByteStream) {
    this.#line = line;
    this.body = new HttpBody(line);
    this.#head.promise.catch(() => {});
    line.onData((chunk) => this.#take(chunk));
    line.onEnd(() => (this.#upgraded ? this.#onEnd?.() : this.#cut()));
    line.onClose((error) => {
      this.#cut(error);
      this.#onClose?.(error);
    });
  }

  get head(): Promise<Head> {
    return this.#head.promise;
  }

  /** The response is complete, or the connection is closed. */
  get isOver(): boolean {
    return this.#over;
  }

  /** The raw connection after a 101; bytes that came after the head are delivered first. */
  release(): ByteStream {
    const line = this.#line;
    return {
      onData: (listener) => {
        this.#onData = listener;
        const early = this.#held;
        this.#held = nothing;
        if (early.length > 0) listener(early);
      },
      onEnd: (listener) => {
        this.#onEnd = listener;
      },
      onClose: (listener) => {
        this.#onClose = listener;
        if (this.#over) queueMicrotask(() => listener());
      },
      write: (chunk) => line.write(chunk),
      holdsNothing: () => line.holdsNothing?.() ?? false,
      drained: () => line.drained(),
      pause: () => line.pause(),
      resume: () => line.resume(),
      end: () => line.end(),
      destroy: (error) => line.destroy(error),
    };
  }

  #take(chunk: Uint8Array): void {
    if (this.#onData) return this.#onData(chunk);
    const fresh = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#held = this.#held.length > 0 ? Buffer.concat([this.#held, fresh]) : fresh;
    try {
      if (this.#framing === null && !this.#upgraded) this.#takeHead();
      if (this.#framing !== null) this.#takeBody(this.#framing);
    } catch (error) {
      this.#finish(error as Error);
      this.#line.destroy();
    }
  }

  #takeHead(): void {
    const end = this.#held.indexOf("\r\n\r\n");
    if ((end < 0 ? this.#held.length : end) > maxHead) throw new Error("the answer's head is too long");
    if (end < 0) return;
    const head = headOf(this.#held.subarray(0, end).toString("latin1"));
    this.#held = this.#held.subarray(end + 4);
    if (head.status === 101) this.#upgraded = true;
    else this.#framing = framingOf(head.headers);
    this.#head.resolve(head);
  }

  #takeBody(framing: Framing): void {
    while (!this.#over) {
      if (framing.kind === "length" && framing.left === 0) return this.#finish();
      if (this.#held.length === 0) return;
      if (framing.kind === "chunked" && framing.at !== "data") {
        if (!this.#takeChunkEdge(framing)) return;
        continue;
      }
      const piece = framing.kind === "close" ? this.#held : this.#held.subarray(0, framing.left);
      this.#held = this.#held.subarray(piece.length);
      this.body.push(piece);
      if (framing.kind === "close") continue;
      framing.left -= piece.length;
      if (framing.kind === "chunked" && framing.left === 0) framing.at = "data end";
    }
  }

  /** Parses the line between the data of two chunks. False: more bytes are needed. */
  #takeChunkEdge(framing: Framing & { kind: "chunked" }): boolean {
    const end = this.#held.indexOf("\r\n");
    if ((end < 0 ? this.#held.length : end) > maxChunkHead) throw new Error("a malformed chunk");
    if (end < 0) return false;
    const line = this.#held.subarray(0, end).toString("latin1");
    this.#held = this.#held.subarray(end + 2);
    if (framing.at === "data end") {
      if (line !== "") throw new Error("a malformed chunk");
      framing.at = "size";
      return true;
    }
    framing.left = chunkSize(line);
    framing.at = "data";
    if (framing.left === 0) this.#finish();
    return true;
  }

  /** The connection has ended: a normal end for a body without a length, else an error. */
  #cut(error?: Error): void {
    const isWhole = this.#framing?.kind === "close" && !error;
    this.#finish(isWhole ? undefined : (error ?? new Error("the connection was closed in the middle of an answer")));
  }

  #finish(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#head.reject(error ?? new Error("the connection was closed before an answer came"));
    this.body.end(error);
  }
}

function headOf(text: string): Head {
  const [first = "", ...lines] = text.split("\r\n");
  const status = Number(/^HTTP\/1\.[01] ([1-5]\d\d)\b/.exec(first)?.[1]);
  if (!status) throw new Error("the answer is not HTTP");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status, headers: Object.fromEntries(headers) };
}

function framingOf(headers: Record<string, string>): Framing {
  if (headers["transfer-encoding"]?.toLowerCase() === "chunked") return { kind: "chunked", left: 0, at: "size" };
  const length = headers["content-length"];
  if (length === undefined) return { kind: "close" };
  if (!/^\d{1,15}$/.test(length)) throw new Error("the answer's length is not a number");
  return { kind: "length", left: Number(length) };
}

function chunkSize(line: string): number {
  const [size = ""] = line.split(";");
  if (!/^[0-9a-f]{1,8}[ \t]*$/i.test(size)) throw new Error("a malformed chunk");
  return Number.parseInt(size, 16);
}
