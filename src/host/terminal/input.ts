/** Reads stdin of any kind without `process.stdin`, which loads node's streams: 1.5 ms of every command in a guest. */
import { accessSync, constants, fstatSync, read, type Stats } from "node:fs";
import { hasHungUp, isInForeground, watchForeground } from "./foreground.ts";

type OnChunk = (chunk: Uint8Array) => Promise<void>;

/** Reads a pipe or file to its end; each chunk waits for the listener. Unreadable input counts as ended. */
export function readPlainInput(onChunk: OnChunk, onEnd: () => void): { stop(): void } {
  const input = statOf(0)?.isFile() ? fileInput() : streamInput(() => Bun.stdin.stream());
  let isStopped = false;
  const take = async (chunk: Uint8Array) => {
    if (!isStopped) await onChunk(chunk);
  };
  void readAll(input, take, () => isStopped).then(() => isStopped || onEnd());
  return {
    stop() {
      isStopped = true;
      input.cancel();
    },
  };
}

/** Reads a terminal while this process is in its foreground. `onEnd` once: at ^D in cooked mode, or when the terminal has hung up. */
export function readTerminal(onChunk: OnChunk, onEnd: () => void): { stop(): void } {
  let current: Input | null = null;
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    unwatch?.();
    current?.cancel();
    current = null;
  };
  const end = () => {
    if (isStopped) return;
    stop();
    onEnd();
  };
  const begin = () => {
    const input = streamInput(openTerminal);
    current = input;
    void readAll(input, onChunk, () => current !== input).then(() => {
      if (current !== input) return;
      current = null;
      // the read was in the background: the watch restarts it
      if (hasHungUp(0) || isInForeground()) end();
    });
  };
  const look = (isForeground: boolean) => {
    if (isStopped) return;
    if (hasHungUp(0)) return end();
    if (!isForeground) {
      current?.cancel();
      current = null;
    } else if (current === null) begin();
  };
  let unwatch: (() => void) | undefined;
  unwatch = watchForeground(look);
  if (isStopped) unwatch();
  return { stop };
}

/** Null at its end. */
type Input = { next(): Promise<Uint8Array | null>; cancel(): void };

async function readAll(input: Input, onChunk: OnChunk, isOver: () => boolean): Promise<void> {
  try {
    for (;;) {
      const chunk = await input.next();
      if (isOver() || chunk === null) return;
      await onChunk(chunk);
    }
  } catch {
    // unreadable input counts as ended
  }
}

function streamInput(open: () => ReadableStream<Uint8Array>): Input {
  const begin = () => open().getReader();
  let reader: ReturnType<typeof begin> | undefined;
  return {
    // input that can't be opened fails here
    async next() {
      reader ??= begin();
      return (await reader.read()).value ?? null;
    },
    cancel: () => void reader?.cancel().catch(() => {}),
  };
}

const ownTerminal = "/proc/self/fd/0";

/** Reopened each time, because the runtime's stream of stdin can be read only once. After su(1) it may be another user's terminal. */
function openTerminal(): ReadableStream<Uint8Array> {
  try {
    accessSync(ownTerminal, constants.R_OK);
  } catch {
    return Bun.stdin.stream();
  }
  return Bun.file(ownTerminal).stream();
}

/** Reads from the file's present position, as every program does; the runtime's stream would begin at offset 0. */
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

/** Null: it is closed. */
export function statOf(fd: number): Stats | null {
  try {
    return fstatSync(fd);
  } catch {
    return null;
  }
}
