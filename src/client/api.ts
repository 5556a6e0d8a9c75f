/** The daemon's API as calls. One connection a request: a unix socket costs nothing, and closing it cancels. */
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

/** Work that the daemon did for us. */
export type Work<T> = {
  value: T;
  /** ends the hold, if there is one, by closing the connection */
  close(): void;
  /** resolves when the connection is gone, whoever closed it */
  closed: Promise<void>;
};

/** Routes that answer a tar stream. */
export type TarRoute = "exportImage" | "rootfsImage" | "exportKernel";
export type LogQuery = { source: "console" | "vmm"; follow: boolean };

export type ApiOptions = {
  connect(): Promise<ByteStream>;
  /** of this program; a daemon of another one refuses */
  version: string;
  /** for messages */
  socket: string;
  /** whose daemon is meant; one of another state folder refuses. Absent: whoever listens there */
  stateFolder?: string;
};

/**
 * Each call throws what the daemon says went wrong, DAEMON_UNREACHABLE when it can't be understood or breaks off, and the
 * signal's reason when that was aborted.
 */
export class Api {
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  /** A call whose answer is one JSON value. */
  async json<R extends JsonRoute>(route: R, ...target: TargetOf<R>): Promise<AnswerOf<R>> {
    const { query, ...rest } = (target[0] ?? {}) as { query?: Record<string, string> };
    const answer = await this.#send(wireCall(route, target[0] ? rest : undefined, query));
    return (await this.#understood(readJson(answer))) as AnswerOf<R>;
  }

  /** A call that is long work: events go to `emit`. With a hold the connection stays open afterwards. */
  async work<R extends WorkRoute>(
    route: R,
    target: Target<R>,
    emit: Emit,
    signal?: AbortSignal,
  ): Promise<Work<AnswerOf<R>>> {
    return this.#events(await this.#send(wireCall(route, target as object), { signal }), emit, signal);
  }

  /** Sends a stream; the daemon tells what it does with it. */
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

  /** A tar stream of the daemon's; throws when it was cut short. */
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

  /** A VM's log as bytes, until its end or the signal. */
  async *log(name: string, { source, follow }: LogQuery, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const query = { source, ...(follow ? { follow: "1" } : {}) };
    const { body } = await this.#send(wireCall("logsVm", { name }, query), { signal });
    try {
      yield* body;
    } catch (error) {
      throw this.#explained(error, signal);
    }
  }

  /** Agent frames with a running VM; a suspended one is woken, unless `wakes` is false. */
  async agent(name: string, signal?: AbortSignal, { wakes = true } = {}): Promise<AgentClient> {
    const { method, path } = wireCall("agentVm", { name }, wakes ? {} : { wake: "0" });
    const request = {
      method,
      path,
      headers: this.#headers(),
      protocol: "banger-agent/1",
      ...(signal ? { signal } : {}),
    };
    const answer = await this.#ask(request, (line) => httpUpgrade(line, request));
    if (!answer.upgraded) throw await this.#understood(readError(answer.answer));
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
    const answer = await this.#ask(request, (line) => httpRequest(line, request));
    if (answer.status >= 400) throw await this.#understood(readError(answer));
    return answer;
  }

  /**
   * On a connection of its own. A daemon that ends between the connection and its answer has a successor, and what changes
   * nothing is asked of that one (RFC 9110, 9.2.2).
   */
  async #ask<T>(
    { method, signal }: Pick<HttpRequest, "method" | "signal">,
    ask: (line: ByteStream) => Promise<T>,
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

  async #understood<T>(reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /** What broke between us and the daemon, in words. */
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

/** A source that fails is the upload's own failure, not a broken connection. */
async function* watched(source: AsyncIterable<Uint8Array>, failed: Deferred<never>): AsyncIterable<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    failed.reject(error as Error);
    throw error;
  }
}
