/** The daemon's API as calls. Each request has its own connection: a unix socket is cheap, and closing it cancels the request. */
import { Deferred } from "../base/async.ts";
import type { ByteStream } from "../base/bytes.ts";
import { BangerError, fail } from "../base/errors/error.ts";
import { type HttpAnswer, type HttpRequest, httpRequest, httpUpgrade } from "../host/net/http-client.ts";
import type { Emit } from "../model/event.ts";
import { plainClient } from "../wire/agent/client.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import { readError, readEvents, readJson } from "./answers.ts";
import {
  type AnswerOf,
  type JsonRoute,
  type Target,
  type TargetOf,
  type UploadRoute,
  type WireCall,
  type WorkRoute,
  wireCall,
} from "./calls.ts";

/** The result of work that the daemon did. */
export type Work<T> = {
  value: T;
  /** ends the hold, if there is one, by closing the connection */
  close(): void;
  /** resolves when the connection is closed, by either end */
  closed: Promise<void>;
};

/** Routes that answer a tar stream. */
export type TarRoute = "exportImage" | "rootfsImage" | "exportKernel";
export type LogQuery = { source: "console" | "vmm"; follow: boolean };

export type ApiOptions = {
  connect(): Promise<ByteStream>;
  /** of this program; a daemon of another version refuses */
  version: string;
  /** for messages */
  socket: string;
  /** the daemon's state folder; a daemon of another one refuses. Absent: any daemon that listens there */
  stateFolder?: string;
};

/**
 * Each call throws the error that the daemon reports, DAEMON_UNREACHABLE if its response is invalid or cut short, or the reason of
 * the signal if that was aborted.
 */
export class Api {
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  /** A call whose response is one JSON value. */
  async json<R extends JsonRoute>(route: R, ...target: TargetOf<R>): Promise<AnswerOf<R>> {
    const { query, ...rest } = (target[0] ?? {}) as { query?: Record<string, string> };
    const answer = await this.#send(wireCall(route, target[0] ? rest : undefined, query));
    return (await this.#orUnreachable(readJson(answer))) as AnswerOf<R>;
  }

  /** A call that takes long: events go to `emit`. With a hold the connection stays open afterwards. */
  async work<R extends WorkRoute>(
    route: R,
    target: Target<R>,
    emit: Emit,
    signal?: AbortSignal,
  ): Promise<Work<AnswerOf<R>>> {
    return this.#events(await this.#send(wireCall(route, target as object), { signal }), emit, signal);
  }

  /** Sends a tar stream; the daemon emits events while it reads it. */
  async upload<R extends UploadRoute>(
    route: R,
    what: { name?: string; source: string; query?: Record<string, string>; tar: AsyncIterable<Uint8Array> },
    emit: Emit,
    signal?: AbortSignal,
  ): Promise<AnswerOf<R>> {
    const failed = new Deferred<never>();
    failed.promise.catch(() => {});
    const abort = new AbortController();
    const either = signal ? AbortSignal.any([signal, abort.signal]) : abort.signal;
    const call = wireCall(route, { name: what.name }, { source: what.source, ...what.query });
    const sent = this.#send(call, { signal: either, stream: watched(what.tar, failed) }).then((answer) =>
      this.#events<AnswerOf<R>>(answer, emit, either),
    );
    sent.catch(() => {});
    try {
      return (await Promise.race([sent, failed.promise])).value;
    } finally {
      abort.abort();
    }
  }

  /** Receives a tar stream; throws if it is cut short. */
  async *tar(
    route: TarRoute,
    what: { name: string; query?: Record<string, string> },
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    const { body } = await this.#send(wireCall(route, { name: what.name }, what.query), { signal });
    try {
      yield* body;
    } catch (error) {
      throw this.#explained(error, signal);
    }
  }

  /** A VM's log as bytes, until it ends or the signal is aborted. */
  async *log(name: string, { source, follow }: LogQuery, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const query = { source, ...(follow ? { follow: "1" } : {}) };
    const { body } = await this.#send(wireCall("logsVm", { name }, query), { signal });
    try {
      yield* body;
    } catch (error) {
      throw this.#explained(error, signal);
    }
  }

  /** Opens a session with the agent of a running VM. A suspended VM is woken, unless `wakes` is false. */
  async agent(name: string, signal?: AbortSignal, { wakes = true } = {}): Promise<AgentClient> {
    const { method, path } = wireCall("agentVm", { name }, wakes ? {} : { wake: "0" });
    const request = {
      method,
      path,
      headers: this.#headers(),
      protocol: "banger-agent/1",
      ...(signal ? { signal } : {}),
    };
    const answer = await this.#ask(request, (connection) => httpUpgrade(connection, request));
    if (!answer.upgraded) throw await this.#orUnreachable(readError(answer.answer));
    return plainClient(answer.stream, name);
  }

  async #send(
    call: WireCall,
    { signal, stream }: { signal?: AbortSignal | undefined; stream?: AsyncIterable<Uint8Array> } = {},
  ): Promise<HttpAnswer> {
    signal?.throwIfAborted();
    const { method, path } = call;
    const body = stream ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
    const type = stream ? { "content-type": "application/x-tar" } : {};
    const headers = { ...this.#headers(), connection: "close", ...type };
    const request = { method, path, headers, ...(body === undefined ? {} : { body }), ...(signal ? { signal } : {}) };
    const answer = await this.#ask(request, (connection) => httpRequest(connection, request));
    if (answer.status >= 400) throw await this.#orUnreachable(readError(answer));
    return answer;
  }

  /**
   * Uses a new connection. If the daemon ends before it responds, a safe request is sent again, to its successor
   * (RFC 9110, 9.2.2).
   */
  async #ask<T>(
    { method, signal }: Pick<HttpRequest, "method" | "signal">,
    ask: (connection: ByteStream) => Promise<T>,
  ): Promise<T> {
    const once = async () => ask(await this.#options.connect());
    const again = (error: unknown) => {
      if (method !== "GET" || signal?.aborted || error instanceof BangerError) throw error;
      return once();
    };
    return once()
      .catch(again)
      .catch((error: unknown) => {
        throw this.#explained(error, signal);
      });
  }

  async #events<T>(answer: HttpAnswer, emit: Emit, signal?: AbortSignal): Promise<Work<T>> {
    const result = new Deferred<T>();
    result.promise.catch(() => {});
    const closed = readEvents<T>(answer, emit, result).then(
      () => result.reject(this.#explained(new Error("its answer has no result"))),
      (error: unknown) => result.reject(this.#explained(error, signal)),
    );
    return { value: await result.promise, close: () => answer.close(), closed };
  }

  async #orUnreachable<T>(reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /** The error to throw when the exchange with the daemon fails. */
  #explained(error: unknown, signal?: AbortSignal): unknown {
    if (signal?.aborted) return signal.reason;
    if (error instanceof BangerError) return error;
    return fail("DAEMON_UNREACHABLE", { socket: this.#options.socket, reason: (error as Error).message }, error);
  }

  #headers(): Record<string, string> {
    const { version, stateFolder } = this.#options;
    return {
      "banger-version": version,
      ...(stateFolder?.isWellFormed() ? { "banger-state": encodeURI(stateFolder) } : {}),
    };
  }
}

/** Passes `source` on. Its failure is the reason why the upload fails, not the connection that breaks as a result. */
async function* watched(source: AsyncIterable<Uint8Array>, failed: Deferred<never>): AsyncIterable<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    failed.reject(error as Error);
    throw error;
  }
}
