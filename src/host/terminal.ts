/** This process's terminal and pipes: raw while a guest's shell has them, and themselves again whatever happens. */
import { fstatSync, read, type Stats } from "node:fs";
import { FdWriter } from "./fd-writer.ts";
import { setTerminalMode, terminalMode } from "./libc.ts";
import { rawMode } from "./raw-mode.ts";

export type WindowSize = { cols: number; rows: number };
export type Output = "stdout" | "stderr";

export interface Terminal {
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** of the terminal, 80 × 24 without one */
  size(): WindowSize;
  onResize(listener: () => void): () => void;
  /** Keys go to the listener unchanged, ^C and ^Z included; the answer puts the terminal back. */
  raw(): () => void;
  /** Reads stdin until `stop`; each chunk waits for the listener. `onEnd` once, at its end. */
  readInput(onChunk: (chunk: Uint8Array) => Promise<void>, onEnd: () => void): { stop(): void };
  /** In order; resolves when all is written. @throws EPIPE and the like when the reader is gone */
  write(to: Output, data: Uint8Array | string): Promise<void>;
  /** As `write`, without waiting; a failure shows in `flush`. */
  print(to: Output, text: string): void;
  /** Resolves when all was written, with what went wrong on stdout if anything did. */
  flush(): Promise<Error | undefined>;
}

export function processTerminal(): Terminal {
  const outputs = { stdout: new FdWriter(1), stderr: new FdWriter(2) };
  return {
    stdinIsTerminal: isTerminal(0),
    stdoutIsTerminal: isTerminal(1),
    stderrIsTerminal: isTerminal(2),
    size: windowSize,
    onResize(listener) {
      process.on("SIGWINCH", listener);
      return () => void process.off("SIGWINCH", listener);
    },
    raw: enterRaw,
    readInput,
    write: (to, data) => outputs[to].write(data),
    print: (to, text) => void outputs[to].write(text).catch(() => {}),
    async flush() {
      await Promise.all([outputs.stdout.idle(), outputs.stderr.idle()]);
      return outputs.stdout.failure;
    },
  };
}

/** node:tty takes as long to load as all the rest, and is asked about devices alone: not about pipes, files and `/dev/null`. */
function isTerminal(fd: number): boolean {
  const stat = statOf(fd);
  if (!stat?.isCharacterDevice() || stat.rdev >> 8 === memoryDevices) return false;
  return process.getBuiltinModule("node:tty").isatty(fd);
}

/** Null: it is closed. */
function statOf(fd: number): Stats | null {
  try {
    return fstatSync(fd);
  } catch {
    return null;
  }
}

/** major number of `/dev/null` and its kin */
const memoryDevices = 1;

function windowSize(): WindowSize {
  const output = isTerminal(1) ? process.stdout : isTerminal(2) ? process.stderr : null;
  // the runtime's own look at a changed size may come after our listener's
  (output as { _refreshSize?: () => void } | null)?._refreshSize?.();
  return { cols: output?.columns || 80, rows: output?.rows || 24 };
}

/**
 * Raw until the answer is called or the process ends. A stop from outside (`kill -TSTP`; ^Z is only a key here) leaves the
 * terminal as it was for whoever has it meanwhile, and takes it again afterwards.
 */
function enterRaw(): () => void {
  let before = terminalMode(0);
  if (!before) return () => {};
  const on = () => {
    before = terminalMode(0);
    if (before) setTerminalMode(0, rawMode(before));
  };
  const off = () => {
    if (before) setTerminalMode(0, before);
  };
  const suspend = () => {
    off();
    process.kill(process.pid, "SIGSTOP");
  };
  const goOn = () => {
    on();
    // the window may have another size by now
    process.emit("SIGWINCH", "SIGWINCH");
  };
  on();
  process.on("exit", off);
  process.on("SIGTSTP", suspend);
  process.on("SIGCONT", goOn);
  return () => {
    process.off("exit", off);
    process.off("SIGTSTP", suspend);
    process.off("SIGCONT", goOn);
    off();
  };
}

/** Not by `process.stdin`, which loads node's streams: 1.5 ms of every command in a guest. */
function readInput(onChunk: (chunk: Uint8Array) => Promise<void>, onEnd: () => void): { stop(): void } {
  const input = statOf(0)?.isFile() ? fileInput() : streamInput();
  let isStopped = false;
  const readAll = async () => {
    for (;;) {
      const chunk = await input.next();
      if (isStopped || chunk === null) return;
      await onChunk(chunk);
    }
  };
  // input that can't be read is at its end
  void readAll()
    .catch(() => {})
    .then(() => isStopped || onEnd());
  return {
    stop() {
      isStopped = true;
      input.cancel();
    },
  };
}

/** Null at its end. */
type Input = { next(): Promise<Uint8Array | null>; cancel(): void };

function streamInput(): Input {
  const open = () => Bun.stdin.stream().getReader();
  let reader: ReturnType<typeof open> | undefined;
  return {
    // what can't be opened fails here
    async next() {
      reader ??= open();
      return (await reader.read()).value ?? null;
    },
    cancel: () => void reader?.cancel().catch(() => {}),
  };
}

/** From where whoever had it before stopped reading, as every program does; the runtime's stream begins at the front. */
function fileInput(): Input {
  return {
    next() {
      const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | null>();
      const buffer = new Uint8Array(fileChunk);
      read(0, buffer, 0, fileChunk, null, (error, count) => {
        if (error) reject(error);
        else resolve(count === 0 ? null : buffer.subarray(0, count));
      });
      return promise;
    },
    cancel: () => {},
  };
}

const fileChunk = 64 * 1024;
