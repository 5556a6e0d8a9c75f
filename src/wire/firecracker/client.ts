/**
 * A client for Firecracker's API over one connection that stays open. One request at a time: Firecracker works on one at a time
 * too, and an answer names no request.
 */
import { Deferred, withTimeout } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { type BangerError, fail } from "../../base/errors/error.ts";
import { recordOf, textOf } from "../../base/untrusted-json.ts";
import { AnswerReader, type ApiAnswer } from "./answer.ts";
import { type ApiRequest, encodeRequest, requests } from "./requests.ts";

export type InstanceState = "Not started" | "Running" | "Paused";

export interface FirecrackerApi {
  /** The connection is gone, or a request had no answer in time: a failure now says nothing about the request itself. */
  readonly isUnresponsive: boolean;
  /** Firecracker has closed the connection, which it does when it ends. */
  readonly wasCut: boolean;
  /**
   * Resolves when Firecracker has done it.
   * @param answerMs time limit in `ms`, from the moment that it is sent
   * @throws VMM_START_FAILED with Firecracker's refusal, without an answer in time, or when the connection is gone
   */
  ask(request: ApiRequest, answerMs?: number): Promise<void>;
  /** @throws as `ask`, and for an answer that is none */
  state(): Promise<InstanceState>;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  close(): void;
}

/** Most requests take a few milliseconds; pausing waits for the CPUs, for 30 s at most (RECV_TIMEOUT_SEC of Firecracker). */
const defaultAnswerMs = 60_000;
/** of Firecracker's error text, in UTF-16 units */
const maxErrorText = 500;
const maxQueued = 64;

export function connectApi(connection: ByteStream, answerMs = defaultAnswerMs): FirecrackerApi {
  return new Client(connection, answerMs);
}

class Client implements FirecrackerApi {
  readonly #connection: ByteStream;
  readonly #answerMs: number;
  readonly #reader = new AnswerReader();
  readonly #closed = new Deferred<void>();
  #waiting: Deferred<ApiAnswer> | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #queued = 0;
  #gone: Error | null = null;
  #wasCut = false;

  constructor(connection: ByteStream, answerMs: number) {
    this.#connection = connection;
    this.#answerMs = answerMs;
    connection.onClose((error) => {
      this.#wasCut = this.#gone === null;
      this.#end(apiError(error?.message ?? "its API connection was closed"));
    });
    connection.onEnd(() => connection.destroy());
    connection.onData((chunk) => this.#read(chunk));
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get isUnresponsive(): boolean {
    return this.#gone !== null;
  }

  get wasCut(): boolean {
    return this.#wasCut;
  }

  async ask(request: ApiRequest, answerMs = this.#answerMs): Promise<void> {
    await this.#send(request, answerMs);
  }

  async state(): Promise<InstanceState> {
    const body = await this.#send(requests.instance(), this.#answerMs);
    const state = recordOf(jsonOf(body))?.["state"];
    if (state === "Not started" || state === "Running" || state === "Paused") return state;
    throw apiError("it does not say which state its VM is in");
  }

  close(): void {
    this.#connection.destroy();
    this.#end(apiError("its API connection was closed"));
  }

  #send(request: ApiRequest, answerMs: number): Promise<Uint8Array> {
    if (this.#queued >= maxQueued) return Promise.reject(apiError(`${this.#queued} requests wait for an answer`));
    this.#queued += 1;
    const sent = this.#last.then(() => this.#sendNow(request, answerMs));
    this.#last = sent.catch(() => {});
    return sent.finally(() => {
      this.#queued -= 1;
    });
  }

  async #sendNow(request: ApiRequest, answerMs: number): Promise<Uint8Array> {
    if (this.#gone) throw this.#gone;
    const waiting = new Deferred<ApiAnswer>();
    this.#waiting = waiting;
    this.#connection.write(encodeRequest(request));
    const late = () => this.#broken(`no answer to ${request.method} ${request.path} within ${answerMs / 1000} s`);
    const { status, body } = await withTimeout(waiting.promise, answerMs, late);
    if (status === 200 || status === 204) return body;
    throw apiError(faultOf(body) ?? `it answers ${request.method} ${request.path} with status ${status}`);
  }

  #read(chunk: Uint8Array): void {
    if (this.#gone) return;
    try {
      for (const answer of this.#reader.push(chunk)) this.#give(answer);
    } catch (error) {
      this.#broken((error as Error).message);
    }
  }

  #give(answer: ApiAnswer): void {
    if (this.#waiting === null) return void this.#broken("it answers without a request");
    this.#waiting.resolve(answer);
    this.#waiting = null;
  }

  /** After a late or malformed answer, no later one can be told from it. */
  #broken(reason: string): BangerError {
    const error = apiError(reason);
    this.#end(error);
    this.#connection.destroy();
    return error;
  }

  #end(error: Error): void {
    this.#gone ??= error;
    this.#waiting?.promise.catch(() => {});
    this.#waiting?.reject(this.#gone);
    this.#waiting = null;
    this.#closed.resolve();
  }
}

function apiError(reason: string): BangerError {
  return fail("VMM_START_FAILED", { driver: "firecracker", reason });
}

/** Firecracker's own words for a refusal. */
function faultOf(body: Uint8Array): string | null {
  return textOf(recordOf(jsonOf(body))?.["fault_message"], maxErrorText) || null;
}

/** Undefined for what is not JSON. */
function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
