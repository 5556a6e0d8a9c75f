/** Reads files of an untrusted git directory. An unreadable file is an error: taking it as absent would show another status. */
import { lookAt, readBeneath } from "../host/files/tree.ts";

/** Why a file of a git directory can't be read; the caller knows the repository. */
export class GitFileError extends Error {}

/**
 * The file's bytes; null when it is missing.
 * @param folder a real path, byte text
 * @throws GitFileError for a link, a fifo and the like, for more than `max` bytes, and when it may not be read
 */
export function readGitFile(folder: string, name: string, max: number): Uint8Array | null {
  const bytes = attempt(name, () => readBeneath(folder, name, max));
  if (bytes !== null) return bytes;
  const kind = attempt(name, () => lookAt(`${folder}/${name}`)?.kind);
  if (kind === "link") throw new GitFileError(`its ${name} is a symbolic link, which is not followed`);
  if (kind === "special") throw new GitFileError(`its ${name} is not a regular file`);
  return null;
}

function attempt<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new GitFileError(`its ${name} can't be read: ${error instanceof Error ? error.message : error}`);
  }
}
