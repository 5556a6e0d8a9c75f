/** What is asked of the path of a unix socket, and said of one where nobody answers. */
import { fail } from "../../base/errors/error.ts";

/** sun_path of unix(7), with its closing NUL */
export const maxSocketPath = 107;

/** @throws PATH_TOO_LONG */
export function requireShortPath(path: string): void {
  if (Buffer.byteLength(path) > maxSocketPath) throw fail("PATH_TOO_LONG", { path, limit: maxSocketPath });
}

/** In place of an answer that does not come. */
export function noAnswer(path: string): Error {
  return Object.assign(new Error(`no answer from ${path}`), { code: "ETIMEDOUT" });
}
