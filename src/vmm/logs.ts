/** A VMM's log files: the guest's serial console, and what the VMM says itself. A guest can make both grow, so both are truncated. */
import { lastLines } from "../base/last-lines.ts";
import { exists, removeTree, renameDurable, sizeOf, tailBytes } from "../host/files/files.ts";
import { cutLog } from "../host/files/log-limit.ts";
import { makeEmpty } from "../host/files/new-file.ts";

/** Bytes. A longer log is truncated, and its last `keptBytes` move to `….old`. */
const serialLimit = 4 * 1024 * 1024;
const keptBytes = 1024 * 1024;
const lookEveryMs = 2_000;
/** Bytes read from the end of a log for its last lines. */
const tailLength = 32 * 1024;
const haltTailBytes = 256;
/** A panic's message is above its stack trace, which can be a hundred lines long. */
const lastLinesOfConsole = 400;
/** An error of KVM is above the registers of the CPU, which are some thirty lines. */
const lastLinesOfVmm = 50;

export type LogPaths = { serialLog: string; vmmLog: string };

/** The last lines of both logs, without control characters. Empty for a log that can't be read: its VMM may have changed it. */
export async function readTails(paths: LogPaths): Promise<{ console: string[]; vmmLog: string[] }> {
  const [console, vmmLog] = await Promise.all([tail(paths.serialLog), tail(paths.vmmLog)]);
  return { console: lastLines(console, lastLinesOfConsole), vmmLog: lastLines(vmmLog, lastLinesOfVmm) };
}

/** Starts new logs for a boot and keeps the previous ones as `….old`. The cage lets a VMM create no file, so the serial log is made here. */
export async function beginLogs(paths: LogPaths): Promise<void> {
  for (const path of [paths.serialLog, paths.vmmLog]) {
    if (!(await exists(path))) continue;
    await removeTree(`${path}.old`);
    await renameDurable(path, `${path}.old`);
  }
  await makeEmpty(paths.serialLog);
}

/**
 * Watches the logs of a running VM: truncates those that grow too long, and calls `onHalted` when the kernel's last message is
 * that it has halted, for which a VMM has no event (the CPUs just idle). It polls, as a file watch would let the guest wake the
 * daemon with every byte that it prints.
 */
export function watchLogs(paths: LogPaths, onHalted: () => void, cutVmmLog = cutIfLong): () => void {
  let seen = 0;
  const look = async () => {
    await cutVmmLog(paths.vmmLog);
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

/** The kernel prints nothing after this message. */
function hasHalted(tail: Uint8Array): boolean {
  return /reboot: System halted\s*$/.test(new TextDecoder().decode(tail));
}

/** Safe while the VMM writes, if it has opened the log with O_APPEND. */
export function cutIfLong(path: string, limit = serialLimit): Promise<void> {
  return cutLog(path, limit, keptBytes);
}

async function tail(path: string): Promise<Uint8Array> {
  return tailBytes(path, tailLength).catch(() => new Uint8Array());
}
