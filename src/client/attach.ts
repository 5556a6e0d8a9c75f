/** A command in a guest, joined to this process's terminal or pipes. */
import { Deferred } from "../base/async.ts";
import type { BangerError } from "../base/errors/error.ts";
import { isError, toBangerError } from "../base/errors/error.ts";
import { integerOf } from "../base/foreign.ts";
import type { AgentClient, AgentStream, ExecRequest, Json } from "../wire/agent/types.ts";

export { getTar } from "../wire/agent/get.ts";
export type { AgentClient, AgentStream, ExecRequest, Json } from "../wire/agent/types.ts";

/** What `host/terminal.ts` gives; named here so that callers need no `host/`. */
export type Stdio = {
  size(): { cols: number; rows: number };
  onResize(listener: () => void): () => void;
  raw(): () => void;
  readInput(onChunk: (chunk: Uint8Array) => Promise<void>, onEnd: () => void): { stop(): void };
  write(to: "stdout" | "stderr", data: Uint8Array | string): Promise<void>;
};

/** Signals to this process: INT, TERM, HUP. The answer stops listening. */
export type Signals = (listener: (signal: string) => void) => () => void;

export type AttachEnd =
  | { kind: "exit"; code: number }
  /** the guest did not end the command in time, or the user insisted */
  | { kind: "interrupted"; code: number }
  | { kind: "lost"; error: BangerError };

export type AttachOptions = {
  /** on a terminal: raw keys, window size */
  terminal: boolean;
  stdio: Stdio;
  signals: Signals;
  /** `ms` that a command has to end after the first signal */
  graceMs?: number;
};

const numbers: Record<string, number> = { HUP: 1, INT: 2, TERM: 15 };
const sigpipe = 13;
/** a command whose end the guest did not tell */
const unknownStatus = 255;

/** 128 and the signal's number, as shells say it. */
export function signalStatus(signal: string): number {
  return 128 + (numbers[signal] ?? 15);
}

/**
 * Runs a command to its end. Whatever happens, the terminal is itself again and the stream closed when this returns.
 * @throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, AGENT_REFUSED, AGENT_UNREACHABLE
 */
export async function attach(client: AgentClient, request: ExecRequest, options: AttachOptions): Promise<AttachEnd> {
  const { stdio, terminal } = options;
  const signals = new SignalForwarder(options);
  const stops = [() => signals.stop()];
  try {
    const tty = terminal ? { tty: stdio.size() } : {};
    const stream = await client.open("exec", { ...request, ...tty }, { signal: signals.beforeOpen });
    stops.push(() => stream.close());
    signals.forwardTo(stream);
    if (terminal)
      stops.push(
        stdio.raw(),
        stdio.onResize(() => stream.event({ event: "resize", ...stdio.size() })),
      );
    const exited = takeOutput(stream, stdio);
    const input = stdio.readInput(
      (chunk) => stream.write(0, chunk),
      () => stream.eof(0),
    );
    stops.push(() => input.stop());
    return await Promise.race([exited, signals.ended]);
  } catch (error) {
    if (signals.beforeOpen.aborted) return signals.ended;
    if (isError(error, "SESSION_LOST")) return { kind: "lost", error };
    throw error;
  } finally {
    for (const stop of stops.reverse()) stop();
  }
}

/** Listens at once, and resolves when all output was written and the command is over. */
function takeOutput(stream: AgentStream, stdio: Stdio): Promise<AttachEnd> {
  const end = new Deferred<AttachEnd>();
  let exit: Json = {};
  stream.onEvent((event) => {
    if (event["event"] === "exit") exit = event;
  });
  stream.onData(async (channel, data) => {
    try {
      await stdio.write(channel === 2 ? "stderr" : "stdout", data);
    } catch {
      // nobody reads any more: what SIGPIPE would be to the command here
      end.resolve({ kind: "exit", code: 128 + sigpipe });
    }
  });
  stream.closed.then(
    () => end.resolve({ kind: "exit", code: codeOf(exit) }),
    (error: unknown) => end.resolve({ kind: "lost", error: toBangerError(error) }),
  );
  return end.promise;
}

function codeOf({ code, number }: Json): number {
  const signal = integerOf(number, 1, 64);
  return signal === null ? (integerOf(code, 0, 255) ?? unknownStatus) : 128 + signal;
}

/** The first signal goes to the command; a second, or the grace period's end, ends the session. */
class SignalForwarder {
  readonly #options: AttachOptions;
  readonly #end = new Deferred<AttachEnd>();
  readonly #beforeOpen = new AbortController();
  readonly #unlisten: () => void;
  #stream: AgentStream | undefined;
  #first: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: AttachOptions) {
    this.#options = options;
    this.#unlisten = options.signals((signal) => this.#take(signal));
  }

  /** Aborted by a signal that comes while the command is not there yet. */
  get beforeOpen(): AbortSignal {
    return this.#beforeOpen.signal;
  }

  /** Resolves when signals end the session. */
  get ended(): Promise<AttachEnd> {
    return this.#end.promise;
  }

  forwardTo(stream: AgentStream): void {
    this.#stream = stream;
  }

  stop(): void {
    this.#unlisten();
    clearTimeout(this.#timer);
  }

  #take(signal: string): void {
    if (!this.#stream) {
      this.#interrupt(signal);
      return this.#beforeOpen.abort();
    }
    if (this.#first !== undefined) return this.#interrupt(signal);
    this.#first = signal;
    this.#stream.event({ event: "signal", signal });
    this.#timer = setTimeout(() => this.#interrupt(signal), this.#options.graceMs ?? 5000);
  }

  #interrupt(signal: string): void {
    this.#end.resolve({ kind: "interrupted", code: signalStatus(signal) });
  }
}
