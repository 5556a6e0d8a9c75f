/** A lock that lives exactly as long as its process: flock(2) on a file that stays. */
import * as fs from "node:fs";
import { isDiskFull } from "./errno.ts";
import { flockNow } from "./libc.ts";

/** `release` may be called again. A child that we are just starting holds it too, until it has exec'ed. */
export type LockResult = { release(): void } | { /** pid, 0 when unknown */ heldBy: number };

/** Takes the lock without waiting. The pid inside is for messages only; the kernel's lock is the truth. */
export function tryLock(path: string): LockResult {
  const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
  if (!flockNow(fd)) {
    const heldBy = Number(fs.readFileSync(fd, "utf8").trim());
    fs.closeSync(fd);
    return { heldBy: Number.isSafeInteger(heldBy) ? heldBy : 0 };
  }
  notePid(fd);
  let isHeld = true;
  return {
    release() {
      if (isHeld) fs.closeSync(fd);
      isHeld = false;
    },
  };
}

/** On a full disk the file has nobody's pid. */
function notePid(fd: number): void {
  try {
    fs.ftruncateSync(fd, 0);
    fs.writeSync(fd, `${process.pid}\n`, 0);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
}
