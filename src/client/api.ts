/** The daemon's API as calls. One connection a request: a unix socket costs nothing, and closing it cancels. */
import { apiVersion, type routes } from "../api/types.ts";
import { Deferred } from "../base/async.ts";
import type { ByteStream } from "../base/bytes.ts";
import { BangerError, fail } from "../base/errors/error.ts";
import { Exit } from "../base/exit.ts";
import { type HttpAnswer, httpRequest, httpUpgrade } from "../host/http-client.ts";
import type { Emit, StreamEvent } from "../model/event.ts";
import { plainClient } from "../wire/agent/client.ts";
import type { AgentClient } from "../wire/agent/types.ts";

export type RouteName = keyof typeof routes;
type Call = {
  method: string;
  path: string;
  body?: string | AsyncIterable<Uint8Array>;
  headers?: Record<string, string>;
};

/** Work that the daemon does for us; its last word is `value`. */
export type Work<T> = {
  value: T;
  /** with a lease: gives it up; the daemon sees the connection close */
  close(): void;
  /** resolves when the connection is gone, whoever closed it */
  closed: Promise<void>;
};

const maxJson = 64 * 1024 * 1024;
const maxLine = 4 * 1024 * 1024;

export class Api {
  readonly #connect: () => Promise<ByteStream>;
  readonly #version: string;

  constructor(connect: () => Promise<ByteStream>, version: string) {
    this.#connect = connect;
    this.#version = version;
  }

  /** A call whose answer is one JSON value. */
  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.#send({ method, path, ...jsonBody(body) });
    return JSON.parse((await readAll(answer, maxJson)).toString("utf8")) as T;
  }

  /** A call that is long work: events go to `emit`. With a lease the connection stays open afterwards. */
  async work<T>(method: string, path: string, body: unknown, emit: Emit, signal?: AbortSignal): Promise<Work<T>> {
    return this.#events({ method, path, ...jsonBody(body) }, emit, signal);
  }

  /** Sends a stream; the daemon tells what it does with it. */
  async upload<T>(path: string, tar: AsyncIterable<Uint8Array>, emit: Emit, signal?: AbortSignal): Promise<T> {
    const failed = new Deferred<never>();
    failed.promise.catch(() => {});
    const call = { method: "POST", path, body: watched(tar, failed), headers: { "content-type": "application/x-tar" } };
    const abort = new AbortController();
    const either = signal ? AbortSignal.any([signal, abort.signal]) : abort.signal;
    const sent = this.#events<T>(call, emit, either);
    sent.catch(() => {});
    try {
      return (await Promise.race([sent, failed.promise])).value;
    } finally {
      abort.abort();
    }
  }

  /** A call that answers bytes, until its end or the signal. */
  async bytes(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return (await this.#send({ method: "GET", path }, signal)).body;
  }

  /** Agent frames with a running VM. */
  async agent(name: string): Promise<AgentClient> {
    const path = `/v1/vms/${encodeURIComponent(name)}/agent`;
    const line = await this.#connect();
    const headers = this.#headers();
    const answer = await httpUpgrade(line, { method: "GET", path, headers, protocol: "banger-agent/1" });
    if (!answer.upgraded) throw await errorOf(answer.answer);
    return plainClient(answer.stream, name);
  }

  async #send(call: Call, signal?: AbortSignal): Promise<HttpAnswer> {
    const line = await this.#connect();
    const headers = { ...this.#headers(), connection: "close", ...call.headers };
    const request = { ...call, headers, ...(signal ? { signal } : {}) };
    const answer = await httpRequest(line, request).catch((error: unknown) => {
      throw signal?.aborted || error instanceof BangerError ? error : broken(error);
    });
    if (answer.status >= 400) throw await errorOf(answer);
    return answer;
  }

  async #events<T>(call: Call, emit: Emit, signal?: AbortSignal): Promise<Work<T>> {
    const answer = await this.#send(call, signal);
    const result = new Deferred<T>();
    result.promise.catch(() => {});
    const closed = readEvents<T>(answer, emit, result).then(
      () => void result.reject(broken(new Error("its answer was cut short"))),
      (error: unknown) => void result.reject(signal?.aborted ? (signal.reason as Error) : error),
    );
    return { value: await result.promise, close: () => answer.close(), closed };
  }

  #headers(): Record<string, string> {
    return { "banger-version": this.#version };
  }
}

export const supportedApi = apiVersion;

function jsonBody(body: unknown): { body?: string } {
  return body === undefined ? {} : { body: JSON.stringify(body) };
}

function broken(error: unknown): BangerError {
  return fail("DAEMON_UNREACHABLE", { socket: "its socket", reason: (error as Error).message }, error);
}

/** A source that fails is the upload's own failure, not a broken connection. */
async function* watched(source: AsyncIterable<Uint8Array>, failed: Deferred<never>): AsyncIterable<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    failed.reject(error as Error);
    throw error;
  }
}

async function readAll(answer: HttpAnswer, max: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    length += chunk.length;
    if (length > max) {
      answer.close();
      throw broken(new Error("its answer is too long"));
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The daemon's error; what is none is a daemon that we don't understand. */
async function errorOf(answer: HttpAnswer): Promise<BangerError> {
  const text = (await readAll(answer, maxLine)).toString("utf8");
  try {
    return wireError(JSON.parse(text));
  } catch {
    return broken(new Error(`status ${answer.status}`));
  }
}

function wireError(value: unknown): BangerError {
  const { code, message, hint, exit, details } = value as Record<string, unknown>;
  if (typeof code !== "string" || typeof message !== "string") throw new Error("no error");
  return new BangerError({
    code,
    message,
    hint: typeof hint === "string" ? hint : "",
    exit: typeof exit === "number" ? exit : Exit.Failure,
    details: typeof details === "object" && details !== null ? (details as BangerError["details"]) : {},
  });
}

/** Reads to the end of the answer; the result settles on the way. */
async function readEvents<T>(answer: HttpAnswer, emit: Emit, result: Deferred<T>): Promise<void> {
  let held = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body) {
    held += decoder.decode(chunk, { stream: true });
    if (held.length > maxLine) throw broken(new Error("a line of its answer is too long"));
    const lines = held.split("\n");
    held = lines.pop() ?? "";
    for (const line of lines) takeEvent(JSON.parse(line) as StreamEvent<T>, emit, result);
  }
}

function takeEvent<T>(event: StreamEvent<T>, emit: Emit, result: Deferred<T>): void {
  if (event.kind === "result") result.resolve(event.value);
  else if (event.kind === "error") result.reject(wireError(event.error));
  else emit(event);
}
