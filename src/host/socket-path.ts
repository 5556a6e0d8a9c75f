/** How long the path of a unix socket may be. */
import { fail } from "../base/errors/error.ts";

/** sun_path of unix(7), with its closing NUL */
export const maxSocketPath = 107;

/** @throws PATH_TOO_LONG */
export function requireShortPath(path: string): void {
  if (Buffer.byteLength(path) > maxSocketPath) throw fail("PATH_TOO_LONG", { path, limit: maxSocketPath });
}
