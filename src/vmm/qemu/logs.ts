/** What QEMU leaves in files: the guest's serial console and its own stderr. Both grow as a guest likes, so both are cut. */
import { lastLines } from "../../base/last-lines.ts";
import { exists, removeTree, renameDurable, sizeOf, tailBytes } from "../../host/files/files.ts";
import { cutLog } from "../../host/files/log-limit.ts";
import { makeEmpty } from "../../host/files/new-file.ts";

/** Beyond this many bytes a log is cut to its last `keptBytes`, which move to `….old`. */
export const serialLimit = 4 * 1024 * 1024;
const keptBytes = 1024 * 1024;
const lookEveryMs = 2_000;
/** How much of a log is looked at for its last lines. */
const tailLength = 32 * 1024;
const haltTailBytes = 256;
/** A panic's first line stands above its stack, which may be a hundred lines long. */
const lastLinesOfConsole = 400;

export type LogPaths = { serialLog: string; vmmLog: string };

/** The last lines of both logs, clean of control characters; none of one that can't be read: its VMM may have changed it. */
export async function readTails(paths: LogPaths): Promise<{ console: string[]; vmmLog: string[] }> {
  const [console, vmmLog] = await Promise.all([tail(paths.serialLog), tail(paths.vmmLog)]);
  return { console: lastLines(console, lastLinesOfConsole), vmmLog: lastLines(vmmLog, 5) };
}

/** Each boot has logs of its own; those of the one before are kept beside. QEMU may make no file, so its serial log is there before it. */
export async function beginLogs(paths: LogPaths): Promise<void> {
  for (const path of [paths.serialLog, paths.vmmLog]) {
    if (!(await exists(path))) continue;
    await removeTree(`${path}.old`);
    await renameDurable(path, `${path}.old`);
  }
  await makeEmpty(paths.serialLog);
}

/**
 * Looks after the logs of a running VM: cuts what grows too long, and tells when the kernel's last word is that it has halted,
 * for which QEMU has no event (the CPUs just wait for ever). Looks now and then: a file watch would let the guest
 * wake the daemon with every byte that it prints.
 */
export function watchLogs(paths: LogPaths, onHalted: () => void): () => void {
  let seen = 0;
  const look = async () => {
    await cutIfLong(paths.vmmLog);
    const size = await sizeOf(paths.serialLog);
    if (size === seen) return;
    seen = size;
    if (hasHalted(await tailBytes(paths.serialLog, haltTailBytes))) onHalted();
    await cutIfLong(paths.serialLog);
  };
  const lookQuietly = () => void look().catch(() => {});
  lookQuietly();
  const timer = setInterval(lookQuietly, lookEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Nothing comes after these words. */
export function hasHalted(tail: Uint8Array): boolean {
  return /reboot: System halted\s*$/.test(new TextDecoder().decode(tail));
}

/** QEMU writes with O_APPEND. */
export function cutIfLong(path: string, limit = serialLimit): Promise<void> {
  return cutLog(path, limit, keptBytes);
}

async function tail(path: string): Promise<Uint8Array> {
  return tailBytes(path, tailLength).catch(() => new Uint8Array());
}
