/** Long-lived child processes, connected by pipes or detached so that they outlive us; and identifying processes. */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import type { ProcessRef } from "../../base/process.ts";
import { bootOfHost, isOfEarlierBoot } from "./boot.ts";
import { minimalEnvironment, startError } from "./exec-node.ts";

export type Ended = { exitCode: number | null; signal: string | null };

export interface PipedProcess {
  readonly pid: number;
  /** `write` resolves when the pipe has accepted the bytes; a closed reader is an error */
  readonly stdin: { write(chunk: Uint8Array): Promise<void>; end(): void };
  /** must be read to the end, or the process may block; throws what `done` throws */
  readonly stdout: AsyncIterable<Uint8Array>;
  stderrTail(): string;
  /** resolves after its exit and the end of its stderr; rejects only when the program could not be started */
  readonly done: Promise<Ended>;
  kill(signal?: NodeJS.Signals): void;
}

export type PipedOptions = {
  env?: Record<string, string>;
  cwd?: string;
  /** arguments before the command line, from `ToolCage.around` */
  cage?: readonly string[];
  /** SIGTERM when it is aborted, SIGKILL 5 s later */
  signal?: AbortSignal;
  stdin?: "pipe" | "ignore";
  /** bytes of stderr to keep, default 16 KiB */
  maxStderr?: number;
  /** called with stderr as it arrives */
  onStderr?: (chunk: Uint8Array) => void;
};

/** Does not throw: a missing program rejects `done`. */
export function spawnPiped(argv: readonly string[], options: PipedOptions = {}): PipedProcess {
  const [program = "", ...args] = [...(options.cage ?? []), ...argv];
  const child = spawn(program, args, {
    env: { ...minimalEnvironment(process.env), ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: [options.stdin ?? "ignore", "pipe", "pipe"],
  });
  const exited = endOf(child, program, options.cwd);
  endWhenAborted(child, exited, options.signal);
  const done = exited.then((ended) => saidAll(child).then(() => ended));
  done.catch(() => {});
  child.stdin?.on("error", () => {});
  return {
    pid: child.pid ?? 0,
    stdin: { write: (chunk) => writePipe(child, chunk), end: () => void child.stdin?.end() },
    stdout: outputOf(child, exited),
    stderrTail: tailOf(child, options),
    done,
    kill: (signal = "SIGTERM") => void child.kill(signal),
  };
}

async function* outputOf(child: ChildProcess, exited: Promise<Ended>): AsyncIterable<Uint8Array> {
  if (child.pid === undefined) await exited;
  else if (child.stdout) yield* child.stdout;
}

function endWhenAborted(child: ChildProcess, exited: Promise<Ended>, signal: AbortSignal | undefined): void {
  if (!signal) return;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const abort = () => {
    child.kill("SIGTERM");
    timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  };
  const forget = () => {
    signal.removeEventListener("abort", abort);
    clearTimeout(timer);
  };
  signal.addEventListener("abort", abort, { once: true });
  exited.then(forget, forget);
  if (signal.aborted) abort();
}

/** Resolves at the end of stderr; a grandchild that keeps it open is waited for only a moment. */
function saidAll(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (!child.stderr || child.stderr.closed || child.stderr.readableEnded) return Promise.resolve();
  const timer = setTimeout(resolve, 250);
  const end = () => {
    clearTimeout(timer);
    resolve();
  };
  child.stderr.once("end", end);
  child.stderr.once("close", end);
  return promise;
}

function endOf(child: ChildProcess, program: string, cwd: string | undefined): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  child.once("error", (error) => reject(startError(error, program, cwd)));
  child.once("exit", (exitCode, signal) => resolve({ exitCode: signal ? null : exitCode, signal }));
  promise.catch(() => {});
  return promise;
}

function writePipe(child: ChildProcess, chunk: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (!child.stdin) return Promise.reject(new Error("stdin is not a pipe"));
  child.stdin.write(chunk, (error) => (error ? reject(error) : resolve()));
  return promise;
}

function tailOf(child: ChildProcess, { maxStderr: maxBytes = 16 * 1024, onStderr }: PipedOptions): () => string {
  let tail = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    onStderr?.(chunk);
    tail = (tail + chunk.toString("utf8")).slice(-maxBytes);
  });
  return () => tail;
}

export type DetachedOptions = {
  cwd: string;
  /** the whole environment */
  env: Record<string, string>;
  /** appended to, mode 0600; the same path for both is one file */
  stdoutFile: string;
  stderrFile: string;
};

/**
 * Starts a process in its own session, independent of us: it continues when we die. `exited` resolves only while we live.
 * @throws TOOL_MISSING, TOOL_FAILED
 */
export async function spawnDetached(
  argv: readonly string[],
  options: DetachedOptions,
): Promise<{ ref: ProcessRef; exited: Promise<Ended> }> {
  const [program = "", ...args] = argv;
  const out = fs.openSync(options.stdoutFile, "a", 0o600);
  const err = options.stderrFile === options.stdoutFile ? out : fs.openSync(options.stderrFile, "a", 0o600);
  try {
    const child = spawn(program, args, {
      detached: true,
      cwd: options.cwd,
      env: options.env,
      stdio: ["ignore", out, err],
    });
    const exited = endOf(child, program, options.cwd);
    if (child.pid === undefined) {
      await exited;
      throw new Error(`${program} has no pid`);
    }
    // a child that ended at once is a zombie until we reap it, so its start time can still be read
    const ref = processRef(child.pid) ?? { pid: child.pid, startTicks: 0, boot: bootOfHost() };
    child.unref();
    return { ref, exited };
  } finally {
    fs.closeSync(out);
    if (err !== out) fs.closeSync(err);
  }
}

/** The process that has `pid` now; null when there is none. */
export function processRef(pid: number): ProcessRef | null {
  const stat = statOf(pid);
  return stat ? { pid, startTicks: stat.startTicks, boot: bootOfHost() } : null;
}

/**
 * False for a zombie too, which no longer runs. If the first thread ended before others, as often after SIGKILL, the process is shown
 * as a zombie while the others still have its files and sockets open: it is alive.
 */
export function isAlive(ref: ProcessRef): boolean {
  const stat = isOfEarlierBoot(ref) ? null : statOf(ref.pid);
  if (stat === null || stat.startTicks !== ref.startTicks || stat.state === "X") return false;
  return stat.state !== "Z" || stat.threads > 1;
}

/** Sends a signal to that very process; false when it has ended. */
export function signalProcess(ref: ProcessRef, signal: NodeJS.Signals): boolean {
  if (!isAlive(ref)) return false;
  try {
    process.kill(ref.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** proc(5), /proc/PID/stat: fields after the name in parentheses, which can contain anything. */
function statOf(pid: number): { state: string; threads: number; startTicks: number } | null {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", threads: Number(fields[17]), startTicks: Number(fields[19]) };
  } catch {
    return null;
  }
}
