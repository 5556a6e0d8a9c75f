/** What QEMU leaves in files: the guest's serial console and its own stderr. Both grow as a guest likes, so both are cut. */
import { exists, renameDurable, sizeOf, tailBytes, truncateTo, writeAtomic } from "../../host/files.ts";
import { consoleTailBytes, lastLines } from "../console.ts";

/** Beyond this many bytes a log is cut to its last `keptBytes`, which move to `….old`. */
export const serialLimit = 4 * 1024 * 1024;
const keptBytes = 1024 * 1024;
const lookEveryMs = 10_000;

export type LogPaths = { serialLog: string; vmmLog: string };

/** The last lines of both logs, clean of control characters. */
export async function readTails(paths: LogPaths): Promise<{ console: string[]; vmmLog: string[] }> {
  const [console, vmmLog] = await Promise.all([tail(paths.serialLog), tail(paths.vmmLog)]);
  return { console: lastLines(console, 60), vmmLog: lastLines(vmmLog, 5) };
}

/** Each boot has logs of its own; those of the one before are kept beside. */
export async function beginLogs(paths: LogPaths): Promise<void> {
  for (const path of [paths.serialLog, paths.vmmLog]) {
    if (await exists(path)) await renameDurable(path, `${path}.old`);
  }
}

/**
 * Cuts the logs of a running VM when they grow too long. Looks at their size now and then: a file watch would let the
 * guest wake the daemon with every byte that it prints.
 */
export function keepLogsShort(paths: LogPaths): () => void {
  const look = () => {
    void cutIfLong(paths.serialLog).catch(() => {});
    void cutIfLong(paths.vmmLog).catch(() => {});
  };
  look();
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** QEMU writes with O_APPEND, so it goes on at the new end. What it prints in between is lost. */
export async function cutIfLong(path: string, limit = serialLimit): Promise<void> {
  if ((await sizeOf(path)) <= limit) return;
  await writeAtomic(`${path}.old`, await tailBytes(path, keptBytes));
  await truncateTo(path, 0);
}

async function tail(path: string): Promise<Uint8Array> {
  return (await exists(path)) ? tailBytes(path, consoleTailBytes) : new Uint8Array();
}
