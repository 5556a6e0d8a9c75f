/** A file of a stranger's git directory. What is there but can't be read is said: taking it as absent would show another status. */
import { lookAt, readBeneath } from "../host/files/tree.ts";

/** Why a file of git's can't be read; the caller knows whose it is. */
export class GitFileError extends Error {}

/**
 * Its bytes; null when there is none.
 * @param folder a real path, byte text
 * @throws GitFileError for a link, a fifo and the like, more than `max` bytes, and what may not be read
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
