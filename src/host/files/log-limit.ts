/** Limits the size of a file that another process appends to. */
import { sizeOf, tailBytes, truncateTo, writeAtomic } from "./files.ts";

/** the largest size of a program's log, in bytes */
export const logLimit = 1024 * 1024;
const keptBytes = 256 * 1024;
/** Not a file watch: a process that writes endlessly would wake us each time. */
const lookEveryMs = 60_000;

/**
 * Moves the end of a log that is over `limit` bytes to `….old` and empties it. A writer with O_APPEND continues at the new end; what it
 * writes in between is lost.
 */
export async function cutLog(path: string, limit = logLimit, kept = keptBytes): Promise<void> {
  if ((await sizeOf(path)) <= limit) return;
  await writeAtomic(`${path}.old`, await tailBytes(path, kept));
  await truncateTo(path, 0);
}

/** Checks now and then periodically; does not keep the program alive. */
export function limitLog(path: string): { stop(): void } {
  const look = () => void cutLog(path).catch(() => {});
  look();
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
