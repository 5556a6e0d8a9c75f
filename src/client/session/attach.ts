/** Connects a command in a guest to this process's terminal or pipes. */
import { Deferred } from "../../base/async.ts";
import type { BangerError } from "../../base/errors/error.ts";
import { fail, isError, toBangerError } from "../../base/errors/error.ts";
import type { AgentClient, ExecRequest, Json } from "../../wire/agent/types.ts";
import type { Signals, Stdio } from "../dependencies.ts";
import { type CommandStream, openCommand, type Reopen } from "./command-stream.ts";
import { asksToEnd, brokenPipeStatus, signalStatus, statusOfExit } from "./exit-status.ts";

export type AttachEnd =
  | { kind: "exit"; code: number }
  /** the guest did not end the command in time, or the user insisted */
  | { kind: "interrupted"; code: number }
  | { kind: "lost"; error: BangerError };

export type AttachOptions = {
  /** on a terminal: raw keys, window size */
  terminal: boolean;
  /** the type of the terminal: TERM */
  term?: string | undefined;
  /** the command gets an empty stdin, and ours is not read */
  noStdin?: boolean;
  stdio: Stdio;
  signals: Signals;
  /** connects to the VM again when the daemon ends before the command does */
  reopen?: Reopen;
  /** `ms` that a command has to end after the first signal */
  graceMs?: number;
};

/**
 * Runs a command to its end. When this returns, the terminal is restored and the stream closed in every case.
 * @throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, AGENT_REFUSED, AGENT_UNREACHABLE
 */
export async function attach(client: AgentClient, request: ExecRequest, options: AttachOptions): Promise<AttachEnd> {
  const { stdio, terminal } = options;
  const signals = new SignalForwarder(options);
  const stops = [() => signals.stop()];
  try {
    const tty = terminal ? { tty: { ...stdio.size(), ...(options.term ? { term: options.term } : {}) } } : {};
    const stream = await openCommand(
      client,
      { ...request, ...tty },
      { signal: signals.beforeOpen, reopen: options.reopen },
    );
    stops.push(() => stream.close());
    signals.forwardTo(stream);
    if (terminal)
      stops.push(
        stdio.raw(),
        stdio.onResize(() => stream.event({ event: "resize", ...stdio.size() })),
      );
    const exited = takeOutput(stream, stdio, () => signals.hangUp());
    const input = options.noStdin ? stream.eof(0) : readInput(stream, stdio, () => signals.hangUp());
    stops.push(() => input?.stop());
    return await Promise.race([exited, signals.ended]);
  } catch (error) {
    if (signals.beforeOpen.aborted) return signals.ended;
    if (isError(error, "SESSION_LOST")) return { kind: "lost", error };
    throw error;
  } finally {
    for (const stop of stops.reverse()) stop();
  }
}

/** @param onHangUp called when the terminal disappears, which is not the end of its input */
function readInput(stream: CommandStream, stdio: Stdio, onHangUp: () => void): { stop(): void } {
  return stdio.readInput(
    async (chunk) => stream.write(0, chunk),
    () => (stdio.hasHungUp() ? onHangUp() : stream.eof(0)),
  );
}

/** Listens at once; resolves when all output is written and the command has ended. */
function takeOutput(stream: CommandStream, stdio: Stdio, onHangUp: () => void): Promise<AttachEnd> {
  const end = new Deferred<AttachEnd>();
  let exit: Json = {};
  stream.onEvent((event) => {
    if (event["event"] === "exit") exit = event;
  });
  stream.onData(async (channel, data) => {
    try {
      await stdio.write(channel === 2 ? "stderr" : "stdout", data);
    } catch (error) {
      // the reader has gone: a local command would get SIGPIPE
      if ((error as { code?: unknown }).code === "EPIPE") end.resolve({ kind: "exit", code: brokenPipeStatus });
      else if (stdio.hasHungUp()) onHangUp();
      else end.reject(fail("OUTPUT_FAILED", { reason: (error as Error).message }, error));
    }
  });
  stream.closed.then(
    () => end.resolve({ kind: "exit", code: statusOfExit(exit) }),
    (error: unknown) => end.resolve({ kind: "lost", error: toBangerError(error) }),
  );
  return end.promise;
}

/**
 * Forwards signals to the command. INT and TERM ask it to end, and so does HUP once the terminal has gone; after that the next such
 * signal, or the end of the grace period, ends the session.
 */
class SignalForwarder {
  readonly #options: AttachOptions;
  readonly #end = new Deferred<AttachEnd>();
  readonly #beforeOpen = new AbortController();
  readonly #unlisten: () => void;
  #stream: CommandStream | undefined;
  #first: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: AttachOptions) {
    this.#options = options;
    this.#unlisten = options.signals((signal) => this.#take(signal));
  }

  /** Aborted by a signal that comes before the command is started. */
  get beforeOpen(): AbortSignal {
    return this.#beforeOpen.signal;
  }

  /** Resolves when signals end the session. */
  get ended(): Promise<AttachEnd> {
    return this.#end.promise;
  }

  /** The terminal has gone: acts as on SIGHUP, which may not come. */
  hangUp(): void {
    if (this.#stream) this.#askToEnd(this.#stream, "HUP");
  }

  forwardTo(stream: CommandStream): void {
    this.#stream = stream;
  }

  stop(): void {
    this.#unlisten();
    clearTimeout(this.#timer);
  }

  #take(signal: string): void {
    const { terminal, stdio } = this.#options;
    if (!this.#stream) {
      if (!asksToEnd(signal)) return;
      this.#interrupt(signal);
      return this.#beforeOpen.abort();
    }
    if (signal === "WINCH" && terminal) return;
    const isEnd = signal === "INT" || signal === "TERM" || (signal === "HUP" && stdio.hasHungUp());
    if (isEnd) this.#askToEnd(this.#stream, signal);
    else this.#stream.event({ event: "signal", signal });
  }

  #askToEnd(stream: CommandStream, signal: string): void {
    if (this.#first !== undefined) return this.#interrupt(signal);
    this.#first = signal;
    stream.event({ event: "signal", signal });
    this.#timer = setTimeout(() => this.#interrupt(signal), this.#options.graceMs ?? 5000);
  }

  #interrupt(signal: string): void {
    this.#end.resolve({ kind: "interrupted", code: signalStatus(signal) });
  }
}
