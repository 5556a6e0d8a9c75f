/** This process's terminal and pipes: raw while a guest's shell has them, and themselves again whatever happens. */
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
  /** of the terminal, 80 × 24 without one */
  size(): WindowSize;
  onResize(listener: () => void): () => void;
  /** Keys go to the listener unchanged, ^C and ^Z included, while this process is in the foreground; the answer puts the terminal back. */
  raw(): () => void;
  /** Whether the terminal on stdin is ours to use; see host/terminal/foreground.ts. */
  isInForeground(): boolean;
  /** Whether a terminal that stdin, stdout or stderr was is gone. */
  hasHungUp(): boolean;
  /** Reads stdin until `stop`, a terminal while it is ours; each chunk waits for the listener. `onEnd` once, at its end. */
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

/** node:tty takes as long to load as all the rest, and is asked about devices alone: not about pipes, files and `/dev/null`. */
function isTerminal(fd: number): boolean {
  const stat = statOf(fd);
  if (!stat?.isCharacterDevice() || stat.rdev >> 8 === memoryDevices) return false;
  return process.getBuiltinModule("node:tty").isatty(fd);
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
 * Raw until the answer is called or the process ends, while it is in the foreground. A stop from outside (`kill -TSTP`; ^Z is
 * only a key here) leaves the terminal as it was for whoever has it meanwhile, and takes it again afterwards.
 */
function enterRaw(): () => void {
  if (!terminalMode(0)) return () => {};
  /** what the terminal was like; null while it is not raw by us */
  let before: Uint8Array | null = null;
  const on = () => {
    before = terminalMode(0);
    if (before) setTerminalMode(0, rawMode(before));
    // the window may have another size by now
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
    // whoever has it now has set it as they like
    if (!isForeground) before = null;
  });
  return () => {
    unwatch();
    process.off("exit", off);
    process.off("SIGTSTP", suspend);
    off();
  };
}
