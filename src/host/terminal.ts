/** This process's terminal: raw while a guest's shell has it, and itself again whatever happens. */
import * as fs from "node:fs";
import tty from "node:tty";
import { errnoOf } from "./errno.ts";

export type WindowSize = { cols: number; rows: number };
export type Output = "stdout" | "stderr";

export interface Terminal {
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  size(): WindowSize;
  onResize(listener: () => void): () => void;
  /** Keys go to the listener unchanged, ^C included; the answer puts the terminal back. */
  raw(): () => void;
  /** Reads stdin until `stop`; each chunk waits for the listener. `onEnd` once, at its end. */
  readInput(onChunk: (chunk: Uint8Array) => Promise<void>, onEnd: () => void): { stop(): void };
  /** Resolves when all is written. @throws EPIPE when the reader is gone */
  write(to: Output, data: Uint8Array | string): Promise<void>;
}

export function processTerminal(): Terminal {
  return {
    stdinIsTerminal: tty.isatty(0),
    stdoutIsTerminal: tty.isatty(1),
    stderrIsTerminal: tty.isatty(2),
    size: () => {
      const { columns, rows } = process.stdout.isTTY ? process.stdout : process.stderr;
      return { cols: columns || 80, rows: rows || 24 };
    },
    onResize(listener) {
      process.on("SIGWINCH", listener);
      return () => void process.off("SIGWINCH", listener);
    },
    raw: enterRaw,
    readInput,
    write: writeOut,
  };
}

function enterRaw(): () => void {
  const stdin = process.stdin;
  stdin.setRawMode?.(true);
  const leave = () => {
    stdin.setRawMode?.(false);
    process.off("exit", leave);
  };
  process.on("exit", leave);
  return leave;
}

function readInput(onChunk: (chunk: Uint8Array) => Promise<void>, onEnd: () => void): { stop(): void } {
  const { stdin } = process;
  const take = (chunk: Buffer) => {
    stdin.pause();
    onChunk(chunk).then(
      () => void stdin.resume(),
      () => {},
    );
  };
  stdin.on("data", take);
  stdin.once("end", onEnd);
  stdin.once("error", onEnd);
  stdin.resume();
  return {
    stop() {
      stdin.off("data", take);
      stdin.off("end", onEnd);
      stdin.pause();
      stdin.unref?.();
    },
  };
}

const queues: Record<Output, Promise<void>> = { stdout: Promise.resolve(), stderr: Promise.resolve() };

/** In order; straight to the descriptor, which may be a pipe that someone else made non-blocking. */
function writeOut(to: Output, data: Uint8Array | string): Promise<void> {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  const mine = queues[to].then(() => writeAll(to === "stdout" ? 1 : 2, bytes));
  queues[to] = mine.catch(() => {});
  return mine;
}

async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += await writeSome(fd, bytes, at);
    } catch (error) {
      if (errnoOf(error) !== "EAGAIN") throw error;
      await writable(fd);
    }
  }
}

function writeSome(fd: number, bytes: Uint8Array, at: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  fs.write(fd, bytes, at, bytes.length - at, null, (error, count) => (error ? reject(error) : resolve(count)));
  return promise;
}

/** The runtime has no event for a foreign non-blocking descriptor that takes bytes again. */
function writable(_fd: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, 2);
  return promise;
}
