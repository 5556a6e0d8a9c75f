/** This process's terminal and pipes: raw while a guest's shell uses them, and always restored afterwards. */
import { FdWriter } from "../files/fd-writer.ts";
import { setTerminalMode, terminalMode } from "../libc.ts";
import { hasHungUp, isInForeground, watchForeground } from "./foreground.ts";
import { readPlainInput, readTerminal, statOf } from "./input.ts";
import { rawMode } from "./raw-mode.ts";

export type WindowSize = { cols: number; rows: number };
export type Output = "stdout" | "stderr";

export interface Terminal {
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** the terminal's size; 80 × 24 without one */
  size(): WindowSize;
  onResize(listener: () => void): () => void;
  /** Passes keys to the listener unchanged, ^C and ^Z too, while in the foreground. Returns a function that restores the terminal. */
  raw(): () => void;
  /** Whether this process may use the terminal on stdin; see host/terminal/foreground.ts. */
  isInForeground(): boolean;
  /** Whether a terminal on stdin, stdout or stderr has hung up. */
  hasHungUp(): boolean;
  /** Reads stdin until `stop`, a terminal while in its foreground; each chunk waits for the listener. `onEnd` once, at its end. */
  readInput(onChunk: (chunk: Uint8Array) => Promise<void>, onEnd: () => void): { stop(): void };
  /** Writes in order; resolves when all is written. @throws EPIPE and the like when the reader has closed */
  write(to: Output, data: Uint8Array | string): Promise<void>;
  /** As `write`, without waiting; `flush` reports a failure. */
  print(to: Output, text: string): void;
  /** Resolves when all was written, with the error on stdout if there was one. */
  flush(): Promise<Error | undefined>;
}

export function processTerminal(): Terminal {
  const outputs = { stdout: new FdWriter(1), stderr: new FdWriter(2) };
  const terminals = [0, 1, 2].filter(isTerminal);
  const stdinIsTerminal = terminals.includes(0);
  return {
    stdinIsTerminal,
    stdoutIsTerminal: terminals.includes(1),
    stderrIsTerminal: terminals.includes(2),
    size: windowSize,
    onResize(listener) {
      process.on("SIGWINCH", listener);
      return () => void process.off("SIGWINCH", listener);
    },
    raw: enterRaw,
    isInForeground,
    hasHungUp: () => terminals.some(hasHungUp),
    readInput: stdinIsTerminal ? readTerminal : readPlainInput,
    write: (to, data) => outputs[to].write(data),
    print: (to, text) => void outputs[to].write(text).catch(() => {}),
    async flush() {
      await Promise.all([outputs.stdout.idle(), outputs.stderr.idle()]);
      return outputs.stdout.failure;
    },
  };
}

/** node:tty takes as long to load as everything else, so it is used for devices only: not for pipes, files and `/dev/null`. */
function isTerminal(fd: number): boolean {
  const stat = statOf(fd);
  if (!stat?.isCharacterDevice() || stat.rdev >> 8 === memoryDevices) return false;
  return process.getBuiltinModule("node:tty").isatty(fd);
}

/** major number of `/dev/null` and similar devices */
const memoryDevices = 1;

function windowSize(): WindowSize {
  const output = isTerminal(1) ? process.stdout : isTerminal(2) ? process.stderr : null;
  // the runtime may read a changed size only after our listener was called
  (output as { _refreshSize?: () => void } | null)?._refreshSize?.();
  return { cols: output?.columns || 80, rows: output?.rows || 24 };
}

/**
 * Raw until the returned function is called or the process ends, while it is in the foreground. A stop from outside (`kill -TSTP`; ^Z is
 * only a key here) restores the terminal for others, and a continuation makes it raw again.
 */
function enterRaw(): () => void {
  if (!terminalMode(0)) return () => {};
  /** the terminal's mode before; null while we have not made it raw */
  let before: Uint8Array | null = null;
  const on = () => {
    before = terminalMode(0);
    if (before) setTerminalMode(0, rawMode(before));
    // the window may have another size now
    process.emit("SIGWINCH", "SIGWINCH");
  };
  const off = () => {
    if (before && isInForeground()) setTerminalMode(0, before);
    before = null;
  };
  const suspend = () => {
    off();
    process.kill(process.pid, "SIGSTOP");
  };
  process.on("exit", off);
  process.on("SIGTSTP", suspend);
  const unwatch = watchForeground((isForeground) => {
    if (isForeground && before === null) on();
    // the program that has it now has set its own mode
    if (!isForeground) before = null;
  });
  return () => {
    unwatch();
    process.off("exit", off);
    process.off("SIGTSTP", suspend);
    off();
  };
}
