/** Checks the path of a unix socket, and makes the error for one that does not answer. */
import { fail } from "../../base/errors/error.ts";

/** the size of sun_path, without its final NUL: unix(7) */
export const maxSocketPath = 107;

/** @throws PATH_TOO_LONG */
export function requireShortPath(path: string): void {
  if (Buffer.byteLength(path) > maxSocketPath) throw fail("PATH_TOO_LONG", { path, limit: maxSocketPath });
}

/** The error for a timeout. */
export function noAnswer(path: string): Error {
  return Object.assign(new Error(`no answer from ${path}`), { code: "ETIMEDOUT" });
}
