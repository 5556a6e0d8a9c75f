/** A command in a guest, joined to this process's terminal or pipes. */
import { Deferred } from "../base/async.ts";
import type { BangerError } from "../base/errors/error.ts";
import { toBangerError } from "../base/errors/error.ts";
import type { AgentClient, AgentStream, ExecRequest, Json } from "../wire/agent/types.ts";

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

/** Runs a command to its end. @throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, AGENT_REFUSED, SESSION_LOST */
export async function attach(client: AgentClient, request: ExecRequest, options: AttachOptions): Promise<AttachEnd> {
  const { stdio, terminal } = options;
  const stream = await client.open("exec", { ...request, ...(terminal ? { tty: stdio.size() } : {}) });
  const end = new Deferred<AttachEnd>();
  const stops = [forwardSignals(stream, end, options)];
  if (terminal)
    stops.push(
      stdio.raw(),
      stdio.onResize(() => stream.event({ event: "resize", ...stdio.size() })),
    );
  const input = stdio.readInput(
    (chunk) => stream.write(0, chunk),
    () => stream.eof(0),
  );
  stops.push(() => input.stop());
  takeOutput(stream, end, stdio);
  try {
    return await end.promise;
  } finally {
    for (const stop of stops.reverse()) stop();
    stream.close();
  }
}

function takeOutput(stream: AgentStream, end: Deferred<AttachEnd>, stdio: Stdio): void {
  let exit: Json | null = null;
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
    () => end.resolve({ kind: "exit", code: exit ? codeOf(exit) : 255 }),
    (error: unknown) => end.resolve({ kind: "lost", error: toBangerError(error) }),
  );
}

/** The shell's convention: 128 and the signal's number. */
function codeOf(exit: Json): number {
  if (typeof exit["number"] === "number") return 128 + exit["number"];
  return typeof exit["code"] === "number" ? exit["code"] & 0xff : 255;
}

/** The first goes to the command; a second, or the grace period's end, ends the session. */
function forwardSignals(stream: AgentStream, end: Deferred<AttachEnd>, options: AttachOptions): () => void {
  let first: string | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const interrupt = (signal: string) => end.resolve({ kind: "interrupted", code: 128 + (numbers[signal] ?? 15) });
  const stop = options.signals((signal) => {
    if (first !== null) return interrupt(signal);
    first = signal;
    stream.event({ event: "signal", signal });
    timer = setTimeout(() => interrupt(signal), options.graceMs ?? 5000);
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}
