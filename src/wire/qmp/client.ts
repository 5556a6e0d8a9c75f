/** QEMU's monitor: one JSON a line, answers by id, events in between (docs/interop/qmp-spec of QEMU). */
import { Deferred, withTimeout } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { fail } from "../../base/errors/error.ts";

export type QmpEvent = { name: string; data: Record<string, unknown> };

export interface Qmp {
  /** `major.minor.micro` from the greeting */
  readonly version: string;
  /** Resolves with `return`. @throws VMM_START_FAILED with QEMU's words, or when the monitor is gone */
  execute(command: string, args?: Record<string, unknown>): Promise<unknown>;
  /**
   * As `execute`, and QEMU gets a copy of `descriptor` with the command: `getfd` gives it a name, for this connection alone. No
   * other of these may be on its way. `descriptor` may be closed once it is settled.
   */
  executeWith(descriptor: number, command: string, args?: Record<string, unknown>): Promise<unknown>;
  /** Set once; events that came before are kept (64 at most). */
  onEvent(listener: (name: string, data: Record<string, unknown>) => void): void;
  /** The next event of that name whose data passes; the listener gets it too. @throws VMM_START_FAILED when the monitor is gone */
  event(name: string, passes: (data: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** once, when the monitor is gone */
  readonly closed: Promise<void>;
  close(): void;
}

const maxLine = 1024 * 1024;
const maxKept = 64;

/** Reads the greeting and leaves capabilities mode; on failure the line is destroyed. @throws VMM_START_FAILED */
export async function connectQmp(line: ByteStream, timeoutMs = 60_000): Promise<Qmp> {
  const monitor = new Monitor(line);
  const greeting = monitor.greeted.then(() => monitor.execute("qmp_capabilities"));
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
  readonly #line: ByteStream;
  readonly #greeted = new Deferred<void>();
  readonly #closed = new Deferred<void>();
  readonly #waiting = new Map<number, Deferred<unknown>>();
  readonly #kept: QmpEvent[] = [];
  readonly #awaited = new Set<Awaited>();
  #onEvent: ((name: string, data: Record<string, unknown>) => void) | undefined;
  #pieces: Buffer[] = [];
  #length = 0;
  #nextId = 1;
  #gone: Error | undefined;

  constructor(line: ByteStream) {
    this.#line = line;
    this.#greeted.promise.catch(() => {});
    line.onClose((error) => this.#end(monitorError(error?.message ?? "its monitor was closed")));
    line.onEnd(() => line.destroy());
    line.onData((chunk) => this.#read(Buffer.from(chunk)));
  }

  get greeted(): Promise<void> {
    return this.#greeted.promise;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  execute(command: string, args?: Record<string, unknown>): Promise<unknown> {
    return this.#ask(command, args, (line) => void this.#line.write(line));
  }

  executeWith(descriptor: number, command: string, args?: Record<string, unknown>): Promise<unknown> {
    return this.#ask(command, args, (line) => {
      if (!this.#line.writeWith) throw new Error("this monitor's line carries no descriptors");
      return this.#line.writeWith(descriptor, line);
    });
  }

  async #ask(
    command: string,
    args: Record<string, unknown> | undefined,
    send: (line: Uint8Array) => Promise<void> | void,
  ): Promise<unknown> {
    if (this.#gone) throw this.#gone;
    const id = this.#nextId++;
    const answer = new Deferred<unknown>();
    this.#waiting.set(id, answer);
    answer.promise.catch(() => {});
    try {
      await send(Buffer.from(`${JSON.stringify({ execute: command, ...(args ? { arguments: args } : {}), id })}\n`));
    } catch (error) {
      this.#waiting.delete(id);
      throw monitorError((error as Error).message);
    }
    return answer.promise;
  }

  onEvent(listener: (name: string, data: Record<string, unknown>) => void): void {
    this.#onEvent = listener;
    for (const { name, data } of this.#kept.splice(0)) listener(name, data);
  }

  event(name: string, passes: Awaited["passes"]): Promise<Record<string, unknown>> {
    if (this.#gone) return Promise.reject(this.#gone);
    const awaited = { name, passes, came: new Deferred<Record<string, unknown>>() };
    awaited.came.promise.catch(() => {});
    this.#awaited.add(awaited);
    return awaited.came.promise;
  }

  close(): void {
    this.#line.destroy();
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
      if (text !== "") this.#takeLine(text);
    }
  }

  #takeLine(text: string): void {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return this.#break("its monitor does not speak JSON");
    }
    if (!isRecord(message)) return this.#break("its monitor sent no object");
    if (isRecord(message["QMP"])) return this.#takeGreeting(message["QMP"]);
    if (typeof message["event"] === "string") return this.#takeEvent(message["event"], message["data"]);
    this.#takeAnswer(message);
  }

  #takeGreeting(greeting: Record<string, unknown>): void {
    const version = isRecord(greeting["version"]) ? greeting["version"]["qemu"] : undefined;
    if (isRecord(version)) this.version = [version["major"], version["minor"], version["micro"]].map(Number).join(".");
    this.#greeted.resolve();
  }

  #takeEvent(name: string, data: unknown): void {
    const event = { name, data: isRecord(data) ? data : {} };
    for (const awaited of this.#awaited) {
      if (awaited.name !== name || !awaited.passes(event.data)) continue;
      this.#awaited.delete(awaited);
      awaited.came.resolve(event.data);
    }
    if (this.#onEvent) this.#onEvent(event.name, event.data);
    else if (this.#kept.length < maxKept) this.#kept.push(event);
  }

  #takeAnswer(message: Record<string, unknown>): void {
    const id = Number(message["id"]);
    const answer = this.#waiting.get(id);
    if (!answer) return;
    this.#waiting.delete(id);
    const { error } = message;
    if (isRecord(error))
      answer.reject(monitorError(String(error["desc"] ?? error["class"] ?? "an error").slice(0, 500)));
    else answer.resolve(message["return"]);
  }

  #break(problem: string): void {
    this.#line.destroy();
    this.#end(monitorError(problem));
  }

  #end(error: Error): void {
    if (this.#gone) return;
    this.#gone = error;
    this.#greeted.reject(error);
    for (const answer of this.#waiting.values()) answer.reject(error);
    this.#waiting.clear();
    for (const { came } of this.#awaited) came.reject(error);
    this.#awaited.clear();
    this.#closed.resolve();
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function monitorError(reason: string): Error {
  return fail("VMM_START_FAILED", { driver: "qemu", reason });
}
