/** The forms in which the daemon answers: JSON, an error, and work as a stream of events. */
import { apiVersion } from "../api/types.ts";
import { type BangerError, toBangerError } from "../base/errors/error.ts";
import { Exit } from "../base/exit.ts";
import type { Logger } from "../host/log.ts";
import type { HttpExchange, HttpStream } from "../host/net/http-server.ts";
import type { Emit, StreamEvent } from "../model/event.ts";

const common = { "banger-api": String(apiVersion), "cache-control": "no-store" };
const jsonHeaders = { ...common, "content-type": "application/json" };
export const ndjsonHeaders = { ...common, "content-type": "application/x-ndjson" };
export const bytesHeaders = { ...common, "content-type": "application/octet-stream" };

export function answerJson(exchange: HttpExchange, value: unknown): void {
  exchange.answer(200, jsonHeaders, `${JSON.stringify(value)}\n`);
}

/** An error before any answer has begun: its status, and itself as the body. */
export function answerError(exchange: HttpExchange, thrown: unknown, log: Logger): void {
  const error = noted(exchange, thrown, log);
  exchange.answer(statusOf(error), jsonHeaders, `${JSON.stringify(error.toWire())}\n`);
}

/** Logs a bug with its stack: the client gets only its message. */
function noted(exchange: HttpExchange, thrown: unknown, log: Logger): BangerError {
  const error = toBangerError(thrown);
  if (error.code !== "INTERNAL" || exchange.signal.aborted) return error;
  const stack = error.cause instanceof Error ? (error.cause.stack ?? "") : "";
  log.error("request failed", { method: exchange.method, path: exchange.path, error: error.message, stack });
  return error;
}

function statusOf(error: BangerError): number {
  if (error.code === "REQUEST_TOO_LARGE") return 413;
  if (error.code === "PEER_REFUSED") return 403;
  if (error.exit === Exit.Usage) return 400;
  if (error.exit === Exit.NotFound) return 404;
  if (error.exit === Exit.Conflict || error.code === "DAEMON_VERSION") return 409;
  if (error.exit === Exit.Unavailable || error.exit === Exit.Daemon) return 503;
  return 500;
}

/** Once it has begun, a failure closes the connection. */
export async function answerBytes(exchange: HttpExchange, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  let stream: HttpStream | null = null;
  try {
    for await (const chunk of bytes) {
      // a failure before the first chunk is an ordinary error answer
      stream ??= exchange.stream(200, bytesHeaders);
      await stream.write(chunk);
    }
    stream ??= exchange.stream(200, bytesHeaders);
    stream.end();
  } catch (error) {
    stream?.break();
    throw error;
  }
}

/** A stream of events that ends with a result or an error. */
export class EventStream {
  readonly #exchange: HttpExchange;
  #stream: HttpStream | null = null;
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;

  readonly #log: Logger;

  constructor(exchange: HttpExchange, log: Logger) {
    this.#exchange = exchange;
    this.#log = log;
  }

  /** Never throws, never blocks; drops progress events when the reader is slow. */
  readonly emit: Emit = (event) => {
    if (event.kind === "progress" && this.#waiting > 64) return;
    this.#send(event);
  };

  /** Sends the last event but one; the stream stays open. */
  result(value: unknown): void {
    this.#send({ kind: "result", value });
  }

  /** An error that comes before any event is an ordinary error answer. */
  error(thrown: unknown): void {
    if (this.#stream === null) return answerError(this.#exchange, thrown, this.#log);
    this.#send({ kind: "error", error: noted(this.#exchange, thrown, this.#log).toWire() });
  }

  async end(): Promise<void> {
    await this.#tail;
    this.#stream?.end();
  }

  #send(event: StreamEvent): void {
    this.#stream ??= this.#exchange.stream(200, ndjsonHeaders);
    const stream = this.#stream;
    this.#waiting += 1;
    this.#tail = this.#tail
      .then(() => stream.write(`${JSON.stringify(event)}\n`))
      .finally(() => {
        this.#waiting -= 1;
      });
  }
}

/** Runs `work` and answers with its events and its result. */
export async function answerWork(
  exchange: HttpExchange,
  log: Logger,
  work: (emit: Emit) => Promise<unknown>,
): Promise<void> {
  const events = new EventStream(exchange, log);
  try {
    events.result(await work(events.emit));
  } catch (error) {
    events.error(error);
  }
  await events.end();
}
