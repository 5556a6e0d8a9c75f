/** Names in an open folder, as openat(2) has them: the runtime offers no call for it, and the kernel resolves `/proc/self/fd/N/name` the same way. */
import * as fs from "node:fs";
import { bytesOf } from "./tree.ts";

const { O_RDONLY, O_NOFOLLOW, O_DIRECTORY } = fs.constants;

const ascii = /^[\x20-\x7e]*$/;

/**
 * The path of `name` in the open folder, wherever that is by now. As text where it can be: that takes half the time.
 * @param name byte text, without `/`
 */
export function at(folder: number, name: string): string | Buffer {
  const path = `/proc/self/fd/${folder}/${name}`;
  return ascii.test(name) ? path : bytesOf(path);
}

/** The caller closes it. @throws ELOOP or ENOTDIR for a link, ENOTDIR for a file, ENOENT */
export function openFolder(folder: number, name: string): number {
  return fs.openSync(at(folder, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}
