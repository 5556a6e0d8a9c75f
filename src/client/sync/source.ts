/** The host's side of one `[[file_sync]]` entry: where it really is, below the home. */
import { fail } from "../../base/errors/error.ts";
import { errnoOf, isMissing } from "../../host/errno.ts";
import { byteTextOf, realPath, textOfBytes } from "../../host/files/tree.ts";

/** A user's home. */
export type Home = {
  /** as the user knows it */
  path: string;
  /** byte text, links resolved */
  real: string;
};

/** @throws SYNC_REFUSED when there is no such folder */
export function homeAt(path: string): Home {
  try {
    return { path, real: realPath(byteTextOf(path)) };
  } catch (error) {
    throw refused("~", `the home ${path} can't be read (${errnoOf(error) ?? "unknown error"})`);
  }
}

/**
 * Links on the way are followed as far as the result is below the home.
 * @param host of an entry, `~/…` or absolute
 * @returns the path below the home, byte text; null when nothing is there @throws SYNC_REFUSED
 */
export function locate(home: Home, host: string): string | null {
  const path = host.startsWith("~/") ? `${home.path}/${host.slice(2)}` : host;
  const isInside = [home.path, textOfBytes(home.real)].some((folder) => below(path, folder) !== null);
  if (!isInside) throw refused(host, `it is not inside your home, ${home.path}`);
  const real = resolved(host, byteTextOf(path));
  if (real === null) return null;
  if (real === home.real) throw refused(host, "it leads to your home itself");
  const relative = below(real, home.real);
  if (relative === null) throw refused(host, `a link leads out of your home, to ${textOfBytes(real)}`);
  return relative;
}

export function refused(path: string, problem: string): Error {
  return fail("SYNC_REFUSED", { path, problem });
}

function resolved(host: string, path: string): string | null {
  try {
    return realPath(path);
  } catch (error) {
    if (isMissing(error)) return null;
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw refused(host, errno === "ELOOP" ? "its links lead in circles" : `it can't be read (${errno})`);
  }
}

/** The part of a path below a folder; null when it is not below it. */
function below(path: string, folder: string): string | null {
  const start = folder.endsWith("/") ? folder : `${folder}/`;
  return path.startsWith(start) && path.length > start.length ? path.slice(start.length) : null;
}
