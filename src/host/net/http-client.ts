/** An HTTP/1.1 client on a unix socket, limited to what the daemon needs: one connection for each request. */
import type { ByteStream } from "../../base/bytes.ts";
import { type Head, HttpAnswerReader } from "./http-answer.ts";

export type HttpRequest = {
  method: string;
  /** path and query */
  path: string;
  headers?: Record<string, string>;
  /** a stream is sent chunked, as fast as the peer reads it */
  body?: string | AsyncIterable<Uint8Array>;
  /** closes the connection */
  signal?: AbortSignal;
};

export type HttpAnswer = Head & {
  /** must be read to its end, or closed with `close()`; throws when it was cut short */
  body: AsyncIterable<Uint8Array>;
  close(): void;
};

export type UpgradeAnswer = { upgraded: true; stream: ByteStream } | { upgraded: false; answer: HttpAnswer };

const encoder = new TextEncoder();

/** Sends one request on a new connection. @throws Error when the connection breaks before the response has begun */
export async function httpRequest(line: ByteStream, request: HttpRequest): Promise<HttpAnswer> {
  const reader = new HttpAnswerReader(line);
  const close = () => line.destroy();
  closeOnAbort(line, request.signal);
  const sending = send(line, request, () => reader.isOver);
  sending.catch(() => {});
  try {
    // a server that refuses a body may answer and close before it has read all of it: the answer explains why, the broken pipe does not
    const answered = (failure: unknown) => reader.head.catch(() => Promise.reject(failure));
    const head = await Promise.race([reader.head, sending.then(() => reader.head, answered)]);
    return { ...head, body: reader.body, close };
  } catch (error) {
    close();
    throw request.signal?.aborted ? request.signal.reason : error;
  }
}

/** Requests another protocol on this connection. The signal applies until the response has arrived. */
export async function httpUpgrade(
  line: ByteStream,
  request: HttpRequest & { protocol: string },
): Promise<UpgradeAnswer> {
  const reader = new HttpAnswerReader(line);
  const headers = { ...request.headers, connection: "Upgrade", upgrade: request.protocol };
  const forget = closeOnAbort(line, request.signal);
  line.write(encoder.encode(headOf({ ...request, headers })));
  try {
    const head = await reader.head;
    if (head.status === 101) return { upgraded: true, stream: reader.release() };
    return { upgraded: false, answer: { ...head, body: reader.body, close: () => line.destroy() } };
  } catch (error) {
    line.destroy();
    throw request.signal?.aborted ? request.signal.reason : error;
  } finally {
    forget();
  }
}

function closeOnAbort(line: ByteStream, signal: AbortSignal | undefined): () => void {
  const close = () => line.destroy();
  if (signal?.aborted) close();
  signal?.addEventListener("abort", close, { once: true });
  return () => signal?.removeEventListener("abort", close);
}

function headOf({ method, path, headers = {} }: HttpRequest): string {
  const lines = Object.entries({ host: "bangerd", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** @param isOver true when the body is no longer needed: then sending stops early */
async function send(line: ByteStream, request: HttpRequest, isOver: () => boolean): Promise<void> {
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
    if (isOver()) return;
    if (chunk.length === 0) continue;
    line.write(encoder.encode(`${chunk.length.toString(16)}\r\n`));
    line.write(chunk);
    if (!line.write(encoder.encode("\r\n"))) await line.drained();
    if (isOver()) return;
  }
  line.write(encoder.encode("0\r\n\r\n"));
}
