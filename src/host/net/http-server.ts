/**
 * An HTTP/1.1 server on a unix socket that checks the peer's credentials. Each request is an `HttpExchange`; limits on headers, bodies and
 * idle connections apply before a handler runs. A quiet stream is never disconnected.
 */
import http from "node:http";
import net from "node:net";
import type { ByteStream } from "../../base/bytes.ts";
import { fail } from "../../base/errors/error.ts";
import { type Peer, peerOf, streamOf } from "./socket.ts";
import { requireShortPath } from "./socket-path.ts";

export type HttpLimits = {
  /** request line and headers together, in bytes */
  headerBytes: number;
  /** from connecting to the end of the first request's headers, in `ms` */
  headersMs: number;
  /** an idle connection between two requests, in `ms` */
  idleMs: number;
  /** a whole JSON body, from the headers on, in `ms` */
  bodyMs: number;
  /** time for the peer to read the rest of a response, or to send the rest of an unwanted body, in `ms` */
  lingerMs: number;
  connections: number;
};

export const defaultLimits: HttpLimits = {
  headerBytes: 16_384,
  headersMs: 10_000,
  idleMs: 60_000,
  bodyMs: 15_000,
  lingerMs: 1000,
  connections: 256,
};

export type HttpOptions = {
  limits?: HttpLimits;
  /** Null to accept the process, else why it is refused; the connection is answered with `refusal` and closed. */
  admit(peer: Peer): string | null;
  /** body of the answer to a refused connection */
  refusal(reason: string): string;
  /** Must not reject. */
  handle(exchange: HttpExchange): Promise<void>;
};

/** One request and its answer. Exactly one of `answer`, `stream`, `upgrade` is called, once. */
export interface HttpExchange {
  readonly method: string;
  /** the path as sent, still percent-encoded, without the query */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly peer: Peer;
  /** aborted when the peer disconnected before the answer was complete; not when the server closes */
  readonly signal: AbortSignal;
  /** true once one of the three answers has begun */
  readonly answered: boolean;
  header(name: string): string | undefined;
  /** The whole body. @throws REQUEST_TOO_LARGE, REQUEST_INVALID when it takes too long or breaks off */
  readBody(maxBytes: number): Promise<Uint8Array>;
  /** The body as it arrives; throws when the peer breaks off. */
  bodyStream(): AsyncIterable<Uint8Array>;
  answer(status: number, headers: Record<string, string>, body: string): void;
  /** Begins an answer of unknown length; the headers are sent at once. */
  stream(status: number, headers: Record<string, string>): HttpStream;
  /** Switches to another protocol; null when the request did not ask for an upgrade. */
  upgrade(protocol: string): ByteStream | null;
}

export interface HttpStream {
  /** Resolves when more can be written (or the peer has gone: see the exchange's signal). */
  write(chunk: Uint8Array | string): Promise<void>;
  end(): void;
  /** Breaks the answer off so that it can't be taken for a complete one. */
  break(): void;
}

export type HttpServer = {
  /** Accepts no more connections; the present ones continue, and no exchange's signal is aborted any more. */
  stopListening(): void;
  /** Stops listening and ends every connection after pending writes. The caller removes the socket's path. */
  close(): Promise<void>;
};

/**
 * Listens at `path` (which must not exist yet). The caller sets a umask that gives the socket its mode.
 * @throws PATH_TOO_LONG
 */
export async function serveHttp(path: string, options: HttpOptions): Promise<HttpServer> {
  requireShortPath(path);
  const limits = options.limits ?? defaultLimits;
  const sockets = new Map<net.Socket, Peer>();
  const state = { closing: false };
  const server = http.createServer({ maxHeaderSize: limits.headerBytes, requestTimeout: 0 });
  const begin = (request: http.IncomingMessage, door: Door) => {
    const { socket } = request;
    const peer = sockets.get(socket);
    if (!peer) return void socket.destroy();
    quiet(socket, 0);
    door.answer?.once("close", () => quiet(socket, limits.idleMs));
    void options.handle(new Exchange({ request, ...door, peer, limits, state }));
  };
  server.on("request", (request, answer) => begin(request, { answer, raw: null }));
  server.on("upgrade", (request, socket, head) =>
    begin(request, { answer: null, raw: { socket: socket as net.Socket, head } }),
  );
  server.on("clientError", (_error, socket) => refuseBytes(socket as net.Socket));
  const listener = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    const peer = peerOf(socket);
    const reason = peer ? options.admit(peer) : "its process can't be identified";
    if (reason !== null || !peer) return refusePeer(socket, options.refusal(reason ?? ""), limits.lingerMs);
    sockets.set(socket, peer);
    socket.once("close", () => {
      sockets.delete(socket);
      clearTimeout(idleTimers.get(socket));
    });
    quiet(socket, limits.headersMs);
    server.emit("connection", socket);
  });
  listener.maxConnections = limits.connections;
  await listen(listener, path);
  const stopListening = () => {
    state.closing = true;
    listener.close(() => {});
  };
  const close = async () => {
    stopListening();
    await Promise.all([...sockets.keys()].map((socket) => endSocket(socket, limits.lingerMs)));
  };
  return { stopListening, close };
}

function listen(listener: net.Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(path, () => {
      listener.off("error", reject);
      resolve();
    });
  });
}

/** Ends a response. Further input is read and dropped for a while: closing with unread bytes would cut off the response. */
function endGently(request: http.IncomingMessage, answer: http.ServerResponse, lingerMs: number): void {
  if (request.complete || request.destroyed) return void answer.end();
  const end = () => {
    clearTimeout(timer);
    answer.end();
  };
  const timer = setTimeout(end, lingerMs);
  request.once("end", end);
  request.once("close", end);
  request.resume();
}

/** Sends pending bytes, then closes. */
function endSocket(socket: net.Socket, lingerMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.end(() => socket.destroy());
  });
}

const idleTimers = new WeakMap<net.Socket, ReturnType<typeof setTimeout>>();

/** Destroys the connection unless a request comes within `ms`; 0 removes the limit. */
function quiet(socket: net.Socket, ms: number): void {
  clearTimeout(idleTimers.get(socket));
  if (ms === 0 || socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), ms);
  timer.unref();
  idleTimers.set(socket, timer);
}

/** On a connection that is being refused already, this is an error, which destroys it. */
function refuseBytes(socket: net.Socket): void {
  socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

function refusePeer(socket: net.Socket, body: string, lingerMs: number): void {
  const head = `HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  // its input is read and dropped: closing with unread bytes would cut off the response
  socket.resume();
  socket.on("end", () => socket.destroy());
  socket.setTimeout(lingerMs, () => socket.destroy());
  socket.end(head + body);
}

type UpgradeLine = { socket: net.Socket; head: Buffer };
/** How to answer a request: over HTTP, or on the raw connection of an upgrade request. */
type Door = { answer: http.ServerResponse; raw: null } | { answer: null; raw: UpgradeLine };
type ExchangeParts = Door & {
  request: http.IncomingMessage;
  peer: Peer;
  limits: HttpLimits;
  state: { closing: boolean };
};

class Exchange implements HttpExchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly peer: Peer;
  readonly signal: AbortSignal;
  readonly #parts: ExchangeParts;
  answered = false;

  constructor(parts: ExchangeParts) {
    const [path = "/", ...query] = (parts.request.url ?? "/").split("?");
    this.#parts = parts;
    this.method = parts.request.method ?? "GET";
    this.path = path;
    this.query = new URLSearchParams(query.join("?"));
    this.peer = parts.peer;
    this.signal = abortOnLoss(parts);
  }

  header(name: string): string | undefined {
    const value = this.#parts.request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  async readBody(maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let total = 0;
    const timer = setTimeout(
      () => this.#parts.request.destroy(new Error("the body took too long")),
      this.#parts.limits.bodyMs,
    );
    try {
      for await (const chunk of this.bodyStream()) {
        total += chunk.length;
        if (total > maxBytes) throw fail("REQUEST_TOO_LARGE", { limit: maxBytes });
        chunks.push(chunk);
      }
    } finally {
      clearTimeout(timer);
    }
    return Buffer.concat(chunks);
  }

  async *bodyStream(): AsyncGenerator<Uint8Array, void, void> {
    try {
      // a reader that stops early leaves the connection open for the answer
      const { request } = this.#parts;
      for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
    } catch (error) {
      throw fail("REQUEST_INVALID", { problems: [`the body broke off: ${(error as Error).message}`] }, error);
    }
  }

  answer(status: number, headers: Record<string, string>, body: string): void {
    this.#begin();
    const all = { ...headers, "content-length": String(Buffer.byteLength(body)) };
    const { answer, raw, request, limits } = this.#parts;
    if (raw) return void raw.socket.end(`${head(status, { ...all, connection: "close" })}${body}`);
    // an unread body would be taken for the next request
    const isRead = request.complete || !hasBody(request);
    answer.writeHead(status, isRead ? all : { ...all, connection: "close" });
    answer.write(body);
    endGently(request, answer, limits.lingerMs);
  }

  stream(status: number, headers: Record<string, string>): HttpStream {
    this.#begin();
    const { answer, raw, request, limits } = this.#parts;
    if (raw) {
      raw.socket.end(head(400, { connection: "close", "content-length": "0" }));
      return { write: async () => {}, end: () => {}, break: () => {} };
    }
    answer.writeHead(status, headers);
    answer.flushHeaders();
    return {
      async write(chunk) {
        if (answer.destroyed || answer.writableEnded || answer.write(chunk)) return;
        await settled(answer);
      },
      end: () => endGently(request, answer, limits.lingerMs),
      break: () => void answer.destroy(),
    };
  }

  upgrade(protocol: string): ByteStream | null {
    const { raw } = this.#parts;
    if (!raw || this.header("upgrade") !== protocol) return null;
    this.#begin();
    raw.socket.write(head(101, { connection: "Upgrade", upgrade: protocol }));
    raw.socket.unshift(raw.head);
    return streamOf(raw.socket);
  }

  #begin(): void {
    if (this.answered) throw new Error("answered twice");
    this.answered = true;
  }
}

function abortOnLoss({ request, answer, raw, state }: ExchangeParts): AbortSignal {
  const abort = new AbortController();
  const lost = () => {
    if (!state.closing) abort.abort(new Error("the client went away"));
  };
  answer?.once("close", () => {
    if (!answer.writableFinished) lost();
  });
  raw?.socket.once("close", lost);
  request.on("error", () => {});
  answer?.on("error", () => {});
  return abort.signal;
}

/** Resolves when the answer can be written to again, or is over. */
function settled(answer: http.ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      answer.off("drain", done);
      answer.off("close", done);
      resolve();
    };
    answer.on("drain", done);
    answer.on("close", done);
  });
}

function hasBody({ headers }: http.IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

function head(status: number, headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n`;
}
