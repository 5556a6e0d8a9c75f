/** The umask of this process, read without changing it: umask(2) only answers by setting another one, for all threads. */
import { readFileSync } from "node:fs";

/** Permission bits that new files do not get; 0o022 where /proc does not tell (Linux before 4.7). */
export function fileMask(): number {
  const octal = /^Umask:\s*([0-7]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  return octal === undefined ? 0o022 : Number.parseInt(octal, 8);
}
