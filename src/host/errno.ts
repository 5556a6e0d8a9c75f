/** Classifies system errors. */

/** `ENOENT`, `EACCES`…; undefined when it is not a system error. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

export function isMissing(error: unknown): boolean {
  const code = errnoOf(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/**
 * True for a connection to a socket that no process listens at (ECONNREFUSED), or whose listener was closed before it accepted
 * (ECONNRESET): the kernel releases the files of a killed process one after another, so its sessions may end before its listener does.
 */
export function hasNoListener(error: unknown): boolean {
  const code = errnoOf(error);
  return code === "ECONNREFUSED" || code === "ECONNRESET";
}

/** True when the disk or the quota is full. */
export function isDiskFull(error: unknown): boolean {
  const code = errnoOf(error);
  return code === "ENOSPC" || code === "EDQUOT";
}
