/** A client for QEMU's monitor: one JSON object per line, replies by id, events in between (docs/interop/qmp-spec of QEMU). */
import { Deferred, withTimeout } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { fail, toBangerError } from "../../base/errors/error.ts";
import { RateLimit } from "../../base/rate-limit.ts";
import { integerOf, recordOf, textOf } from "../../base/untrusted-json.ts";

export type QmpEvent = { name: string; data: Record<string, unknown> };

export interface Qmp {
  /** `major.minor.micro` from the greeting */
  readonly version: string;
  /** The monitor is gone or did not answer the last command in time: a failure now says nothing about the command itself. */
  readonly isUnresponsive: boolean;
  /** Resolves with `return`, which the caller must validate. @throws VMM_START_FAILED with QEMU's error, without an answer in time, or when the monitor is gone */
  execute(command: string, args?: Record<string, unknown>): Promise<unknown>;
  /**
   * As `execute`, and passes a copy of `descriptor` with the command: `getfd` names it, for this connection alone. Only one such
   * call at a time. `descriptor` can be closed once the promise has settled.
   */
  executeWith(descriptor: number, command: string, args?: Record<string, unknown>): Promise<unknown>;
  /** Set once; earlier events are kept, at most 64. A listener that throws ends the monitor. */
  onEvent(listener: (name: string, data: Record<string, unknown>) => void): void;
  /** The next event of that name whose data `passes`; the listener gets it too. @throws VMM_START_FAILED when the monitor is gone */
  event(name: string, passes: (data: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** Resolves when the monitor is gone. */
  readonly closed: Promise<void>;
  close(): void;
}

/** Commands are answered at once, except `stop`, which waits until the guest's writes are on the host's disk. */
const answerTimeoutMs = 30_000;
const maxLine = 1024 * 1024;
const maxKept = 64;
/** Commands without an answer yet. We have three at most, so more of them means that QEMU never answers. */
const maxWaiting = 64;
/** Bytes of commands that QEMU has not read, beyond the socket's buffer. Ours are a few hundred bytes each. */
const maxUnread = 256 * 1024;
/** QEMU sends a few events for each change of its state, whatever its guest does. */
const maxEventsPerSecond = 10_000;
/** of QEMU's error text, in UTF-16 units */
const maxErrorText = 500;

/**
 * Reads the greeting and leaves capabilities mode; on failure the connection is destroyed.
 * @param answerMs time limit of each command, in `ms`
 * @throws VMM_START_FAILED
 */
export async function connectQmp(connection: ByteStream, timeoutMs = 60_000, answerMs = answerTimeoutMs): Promise<Qmp> {
  const monitor = new Monitor(connection, answerMs);
  const greeting = monitor.ready.then(() => monitor.execute("qmp_capabilities"));
  try {
    await withTimeout(greeting, timeoutMs, () => monitorError(`no greeting within ${timeoutMs / 1000} s`));
    return monitor;
  } catch (error) {
    monitor.close();
    throw error;
  }
}

type Awaited = {
  name: string;
  passes: (data: Record<string, unknown>) => boolean;
  came: Deferred<Record<string, unknown>>;
};

class Monitor implements Qmp {
  version = "";
  readonly #connection: ByteStream;
  readonly #answerMs: number;
  readonly #ready = new Deferred<void>();
  readonly #closed = new Deferred<void>();
  readonly #waiting = new Map<number, Deferred<unknown>>();
  readonly #kept: QmpEvent[] = [];
  readonly #awaited = new Set<Awaited>();
  #onEvent: ((name: string, data: Record<string, unknown>) => void) | undefined;
  #pieces: Buffer[] = [];
  #length = 0;
  #nextId = 1;
  readonly #events = new RateLimit(maxEventsPerSecond);
  #unread = 0;
  #isLate = false;
  #gone: Error | undefined;

  constructor(connection: ByteStream, answerMs: number) {
    this.#connection = connection;
    this.#answerMs = answerMs;
    this.#ready.promise.catch(() => {});
    connection.onClose((error) => this.#end(monitorError(error?.message ?? "its monitor was closed")));
    connection.onEnd(() => connection.destroy());
    connection.onData((chunk) => this.#read(Buffer.from(chunk)));
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get isUnresponsive(): boolean {
    return this.#isLate || this.#gone !== undefined;
  }

  execute(command: string, args?: Record<string, unknown>): Promise<unknown> {
    return this.#ask(command, args, async (line) => this.#write(line));
  }

  executeWith(descriptor: number, command: string, args?: Record<string, unknown>): Promise<unknown> {
    return this.#ask(command, args, async (line) => {
      if (!this.#connection.writeWith) throw new Error("this monitor's connection can't carry descriptors");
      await this.#connection.writeWith(descriptor, line);
    });
  }

  async #ask(
    command: string,
    args: Record<string, unknown> | undefined,
    send: (line: Uint8Array) => Promise<void>,
  ): Promise<unknown> {
    if (!this.#gone && this.#waiting.size >= maxWaiting) this.#break("its monitor does not answer");
    if (this.#gone) throw this.#gone;
    const id = this.#nextId++;
    const answer = new Deferred<unknown>();
    this.#waiting.set(id, answer);
    const line = Buffer.from(`${JSON.stringify({ execute: command, ...(args ? { arguments: args } : {}), id })}\n`);
    // with a descriptor, sending waits for QEMU too: the limit covers both
    send(line).catch((error: Error) => answer.reject(monitorError(error.message)));
    try {
      return await withTimeout(answer.promise, this.#answerMs, () => this.#late(command));
    } finally {
      this.#waiting.delete(id);
    }
  }

  #late(command: string): Error {
    this.#isLate = true;
    return monitorError(`no answer to ${command} within ${this.#answerMs / 1000} s`);
  }

  /** Ends the monitor when too many bytes wait for a QEMU that does not read. */
  #write(bytes: Uint8Array): void {
    if (this.#connection.write(bytes)) return;
    if (this.#unread === 0) void this.#connection.drained().then(() => (this.#unread = 0));
    this.#unread += bytes.length;
    if (this.#unread > maxUnread) this.#break("its monitor does not read");
  }

  onEvent(listener: (name: string, data: Record<string, unknown>) => void): void {
    this.#onEvent = listener;
    this.#guarded(() => {
      for (const { name, data } of this.#kept.splice(0)) listener(name, data);
    });
  }

  event(name: string, passes: Awaited["passes"]): Promise<Record<string, unknown>> {
    if (this.#gone) return Promise.reject(this.#gone);
    const awaited = { name, passes, came: new Deferred<Record<string, unknown>>() };
    awaited.came.promise.catch(() => {});
    this.#awaited.add(awaited);
    return awaited.came.promise;
  }

  close(): void {
    this.#connection.destroy();
    this.#end(monitorError("its monitor was closed"));
  }

  #read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#gone; ) {
      const end = chunk.indexOf(10, at);
      const piece = chunk.subarray(at, end < 0 ? chunk.length : end);
      this.#pieces.push(piece);
      this.#length += piece.length;
      if (this.#length > maxLine) return this.#break("a line of its monitor is too long");
      if (end < 0) return;
      const text = Buffer.concat(this.#pieces).toString("utf8").trim();
      this.#pieces = [];
      this.#length = 0;
      at = end + 1;
      if (text !== "") this.#guarded(() => this.#takeLine(text));
    }
  }

  /** All listeners are called through this: an exception ends the monitor. */
  #guarded(take: () => void): void {
    try {
      take();
    } catch (error) {
      this.#break(`a message of its monitor could not be handled: ${toBangerError(error).message.slice(0, 300)}`);
    }
  }

  #takeLine(text: string): void {
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      return this.#break("its monitor sent a line that is not JSON");
    }
    const message = recordOf(parsed);
    if (!message) return this.#break("its monitor sent JSON that is not an object");
    const greeting = recordOf(message["QMP"]);
    if (greeting) return this.#takeGreeting(greeting);
    if (typeof message["event"] === "string") return this.#takeEvent(message["event"], message["data"]);
    this.#takeAnswer(message);
  }

  /** Later greetings are ignored. */
  #takeGreeting(greeting: Record<string, unknown>): void {
    if (this.version !== "") return;
    const version = versionText(recordOf(greeting["version"])?.["qemu"]);
    if (version === null) return this.#break("its monitor's greeting has no version");
    this.version = version;
    this.#ready.resolve();
  }

  #takeEvent(name: string, data: unknown): void {
    if (!this.#events.take()) return this.#break(`its monitor sent more than ${maxEventsPerSecond} events in a second`);
    const event = { name, data: recordOf(data) ?? {} };
    for (const awaited of this.#awaited) {
      if (awaited.name !== name || !awaited.passes(event.data)) continue;
      this.#awaited.delete(awaited);
      awaited.came.resolve(event.data);
    }
    if (this.#onEvent) this.#onEvent(event.name, event.data);
    else if (this.#kept.length < maxKept) this.#kept.push(event);
  }

  #takeAnswer(message: Record<string, unknown>): void {
    const id = integerOf(message["id"], 1, Number.MAX_SAFE_INTEGER);
    const answer = id === null ? undefined : this.#waiting.get(id);
    if (!answer) return;
    this.#isLate = false;
    if (!("error" in message)) return answer.resolve(message["return"]);
    const error = recordOf(message["error"]) ?? {};
    answer.reject(
      monitorError(textOf(error["desc"], maxErrorText) ?? textOf(error["class"], maxErrorText) ?? "an error"),
    );
  }

  #break(problem: string): void {
    this.#connection.destroy();
    this.#end(monitorError(problem));
  }

  #end(error: Error): void {
    if (this.#gone) return;
    this.#gone = error;
    this.#ready.reject(error);
    for (const answer of this.#waiting.values()) answer.reject(error);
    this.#waiting.clear();
    for (const { came } of this.#awaited) came.reject(error);
    this.#awaited.clear();
    this.#closed.resolve();
  }
}

/** `major.minor.micro` */
function versionText(value: unknown): string | null {
  const version = recordOf(value) ?? {};
  const parts = [version["major"], version["minor"], version["micro"]].map((part) => integerOf(part, 0, 999));
  return parts.includes(null) ? null : parts.join(".");
}

function monitorError(reason: string): Error {
  return fail("VMM_START_FAILED", { driver: "qemu", reason });
}
