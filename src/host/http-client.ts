/** HTTP/1.1 over one unix socket, as much of it as the daemon speaks: RFC 9112, a connection for each request. */

import { AsyncQueue, Deferred } from "../base/async.ts";
import type { ByteStream } from "../base/bytes.ts";

export type HttpRequest = {
  method: string;
  /** path and query */
  path: string;
  headers?: Record<string, string>;
  /** a stream is sent chunked, as fast as it is taken */
  body?: string | AsyncIterable<Uint8Array>;
  signal?: AbortSignal;
};

export type HttpAnswer = {
  status: number;
  /** names in lower case */
  headers: Record<string, string>;
  /** read it to its end, or `close()` */
  body: AsyncIterable<Uint8Array>;
  close(): void;
};

export type UpgradeAnswer = { upgraded: true; stream: ByteStream } | { upgraded: false; answer: HttpAnswer };

const maxHead = 64 * 1024;
const encoder = new TextEncoder();

/** Sends one request on a fresh connection. @throws Error when the line breaks before an answer has begun */
export async function httpRequest(line: ByteStream, request: HttpRequest): Promise<HttpAnswer> {
  const reader = new AnswerReader(line);
  const abort = () => line.destroy();
  request.signal?.addEventListener("abort", abort, { once: true });
  if (request.signal?.aborted) abort();
  const sending = send(line, request);
  sending.catch(() => {});
  try {
    const head = await Promise.race([reader.head, sending.then(() => reader.head)]);
    return { ...head, body: reader.body, close: abort };
  } catch (error) {
    line.destroy();
    throw request.signal?.aborted ? (request.signal.reason ?? error) : error;
  }
}

/** Asks for another protocol on this line. */
export async function httpUpgrade(
  line: ByteStream,
  request: HttpRequest & { protocol: string },
): Promise<UpgradeAnswer> {
  const reader = new AnswerReader(line);
  const headers = { ...request.headers, connection: "Upgrade", upgrade: request.protocol };
  line.write(encoder.encode(headOf({ ...request, headers })));
  const head = await reader.head;
  if (head.status === 101) return { upgraded: true, stream: reader.release() };
  return { upgraded: false, answer: { ...head, body: reader.body, close: () => line.destroy() } };
}

function headOf({ method, path, headers = {} }: HttpRequest): string {
  const lines = Object.entries({ host: "bangerd", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

async function send(line: ByteStream, request: HttpRequest): Promise<void> {
  const { body, headers = {} } = request;
  if (body === undefined) return void line.write(encoder.encode(headOf(request)));
  if (typeof body === "string") {
    const bytes = encoder.encode(body);
    const withLength = { "content-type": "application/json", ...headers, "content-length": String(bytes.length) };
    line.write(encoder.encode(headOf({ ...request, headers: withLength })));
    return void line.write(bytes);
  }
  line.write(encoder.encode(headOf({ ...request, headers: { ...headers, "transfer-encoding": "chunked" } })));
  for await (const chunk of body) {
    if (chunk.length === 0) continue;
    line.write(encoder.encode(`${chunk.length.toString(16)}\r\n`));
    line.write(chunk);
    if (!line.write(encoder.encode("\r\n"))) await line.drained();
  }
  line.write(encoder.encode("0\r\n\r\n"));
}

type Head = Pick<HttpAnswer, "status" | "headers">;
type Framing =
  | { kind: "length"; left: number }
  | { kind: "chunked"; left: number; inChunk: boolean; after: boolean }
  | { kind: "close" };

/** Takes an answer apart as it comes. The daemon is ours, but what speaks at its socket may not be: sizes are bounded. */
class AnswerReader {
  readonly #line: ByteStream;
  readonly #head = new Deferred<Head>();
  readonly #queue = new AsyncQueue<Uint8Array>();
  #held: Buffer = Buffer.alloc(0);
  #framing: Framing | null = null;
  #released: ((chunk: Uint8Array) => void) | "waiting" | null = null;
  #over = false;
  #onEnd: (() => void) | undefined;
  #onClose: ((error?: Error) => void) | undefined;

  constructor(line: ByteStream) {
    this.#line = line;
    this.#head.promise.catch(() => {});
    line.onData((chunk) => this.#take(chunk));
    line.onEnd(() => (this.#released ? this.#onEnd?.() : this.#end()));
    line.onClose((error) => {
      this.#end(error);
      this.#onClose?.(error);
    });
  }

  get head(): Promise<Head> {
    return this.#head.promise;
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#queue;
  }

  /** The line itself, after a 101; what came behind the head is given first. */
  release(): ByteStream {
    const line = this.#line;
    return {
      onData: (listener) => {
        this.#released = listener;
        const early = this.#held;
        this.#held = Buffer.alloc(0);
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
      drained: () => line.drained(),
      pause: () => line.pause(),
      resume: () => line.resume(),
      end: () => line.end(),
      destroy: (error) => line.destroy(error),
    };
  }

  #take(chunk: Uint8Array): void {
    if (typeof this.#released === "function") return this.#released(chunk);
    this.#held =
      this.#held.length > 0
        ? Buffer.concat([this.#held, chunk])
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    if (this.#released === "waiting") return;
    try {
      if (this.#framing === null) this.#takeHead();
      if (this.#framing !== null) this.#takeBody(this.#framing);
    } catch (error) {
      this.#end(error as Error);
      this.#line.destroy();
    }
  }

  #takeHead(): void {
    const end = this.#held.indexOf("\r\n\r\n");
    if (end < 0) {
      if (this.#held.length > maxHead) throw new Error("the answer's head is too long");
      return;
    }
    const [status = "", ...lines] = this.#held.subarray(0, end).toString("latin1").split("\r\n");
    this.#held = this.#held.subarray(end + 4);
    const code = Number(/^HTTP\/1\.[01] (\d{3})/.exec(status)?.[1]);
    if (!code) throw new Error("the answer is not HTTP");
    const headers = Object.fromEntries(
      lines.map((one) => [one.slice(0, one.indexOf(":")).toLowerCase(), one.slice(one.indexOf(":") + 1).trim()]),
    );
    if (code === 101) this.#released = "waiting";
    else this.#framing = framingOf(headers);
    this.#head.resolve({ status: code, headers });
  }

  #takeBody(framing: Framing): void {
    while (this.#held.length > 0 && !this.#over) {
      if (framing.kind === "chunked" && !framing.inChunk) {
        if (!this.#takeChunkHead(framing)) return;
        continue;
      }
      const left = framing.kind === "close" ? this.#held.length : framing.left;
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      if (piece.length > 0) this.#queue.push(piece);
      if (framing.kind === "close") continue;
      framing.left -= piece.length;
      if (framing.left > 0) continue;
      if (framing.kind === "length") return this.#end();
      framing.inChunk = false;
      framing.after = true;
    }
    if (framing.kind === "length" && framing.left === 0) this.#end();
  }

  /** False: more must come first. */
  #takeChunkHead(framing: Framing & { kind: "chunked" }): boolean {
    const skip = framing.after ? 2 : 0;
    const end = this.#held.indexOf("\r\n", skip);
    if (end < 0) {
      if (this.#held.length > 1024) throw new Error("a malformed chunk");
      return false;
    }
    const size = Number.parseInt(this.#held.subarray(skip, end).toString("latin1"), 16);
    if (!Number.isSafeInteger(size) || size < 0) throw new Error("a malformed chunk");
    this.#held = this.#held.subarray(end + 2);
    framing.after = false;
    if (size === 0) this.#end();
    framing.left = size;
    framing.inChunk = true;
    return true;
  }

  #end(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    const cut = this.#framing?.kind === "chunked" || (this.#framing?.kind === "length" && this.#framing.left > 0);
    this.#head.reject(error ?? new Error("the connection was closed before an answer came"));
    this.#queue.end(error && cut ? error : undefined);
  }
}

function framingOf(headers: Record<string, string>): Framing {
  if (headers["transfer-encoding"]?.toLowerCase() === "chunked")
    return { kind: "chunked", left: 0, inChunk: false, after: false };
  const length = headers["content-length"];
  return length === undefined ? { kind: "close" } : { kind: "length", left: Number(length) };
}
