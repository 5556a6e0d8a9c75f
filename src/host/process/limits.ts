/** Resource limits of running processes. */
import { processLimit } from "../libc.ts";

/** getrlimit(2) */
const RLIMIT_FSIZE = 1;

/**
 * Lets another process of the user write files of up to `bytes`. A higher limit stays.
 * @throws when the process has ended or is not ours
 */
export function raiseFileSizeLimit(pid: number, bytes: number): void {
  const limit = processLimit(pid, RLIMIT_FSIZE, null);
  if (limit === null) throw new Error(`the limits of process ${pid} can't be read`);
  if (limit.soft >= BigInt(bytes)) return;
  if (processLimit(pid, RLIMIT_FSIZE, { ...limit, soft: BigInt(bytes) }) === null) {
    throw new Error(`the file size limit of process ${pid} can't be raised to ${bytes} bytes`);
  }
}
