/** A lock that lasts as long as its process: flock(2) on a file that is never removed. */
import * as fs from "node:fs";
import { isDiskFull } from "../errno.ts";
import { flockNow } from "../libc.ts";

/** `release` is idempotent. A child that is being started also has the lock until it calls execve(2). */
export type LockResult = { release(): void } | { /** pid, 0 when unknown */ heldBy: number };

/**
 * Takes the lock without waiting. The file's content, the pid and a line from the caller, only helps others to find the holder; the
 * kernel's lock decides.
 */
export function tryLock(path: string, line?: string): LockResult {
  const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
  if (!flockNow(fd)) {
    const heldBy = Number(fs.readFileSync(fd, "utf8").split("\n")[0]);
    fs.closeSync(fd);
    return { heldBy: Number.isSafeInteger(heldBy) ? heldBy : 0 };
  }
  writeHolder(fd, line);
  let isHeld = true;
  return {
    release() {
      if (isHeld) fs.closeSync(fd);
      isHeld = false;
    },
  };
}

/** On a full disk the file has no pid. */
function writeHolder(fd: number, line: string | undefined): void {
  try {
    fs.ftruncateSync(fd, 0);
    fs.writeSync(fd, `${process.pid}\n${line === undefined ? "" : `${line}\n`}`, 0);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
}

/**
 * Whether that process has locked this very file: a copy of the file contains the same pid. True where the kernel does not tell.
 * proc(5), /proc/locks: `1: FLOCK  ADVISORY  WRITE 718 fe:00:5391 0 EOF`.
 */
export function isLockedBy(path: string, pid: number): boolean {
  try {
    const inode = fs.statSync(path, { bigint: true }).ino;
    const holder = new RegExp(`^\\d+: FLOCK +ADVISORY +WRITE ${pid} [^ ]+:${inode} `, "m");
    return holder.test(fs.readFileSync("/proc/locks", "utf8"));
  } catch {
    return true;
  }
}
