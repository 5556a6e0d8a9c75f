/** Removes files and folders, whatever a guest's VMM or a build left in them. */
import * as fs from "node:fs/promises";
import { fail } from "../../base/errors/error.ts";
import { bytesOfPath } from "../../base/path-bytes.ts";
import { oneLine } from "../../base/untrusted-text.ts";
import { errnoOf } from "../errno.ts";
import { clearTree, type Stuck } from "./clear-tree.ts";

/**
 * A missing path is fine; links are removed, not followed. Folders whose modes keep their owner out are made accessible first.
 * Everything that can be removed is removed, even if something else can't be.
 * @throws NOT_REMOVED naming the first thing that could not be removed
 */
export async function removeTree(path: string): Promise<void> {
  if (await isUnlinked(path)) return;
  // the runtime's own recursive removal takes time quadratic in the depth
  const stuck = await clearTree(path).catch((error: unknown) => unopened(path, error));
  if (stuck) throw fail("NOT_REMOVED", describeStuck(path, stuck));
}

/** Tries one unlink(2), which is enough for a file, a link or a missing path. */
async function isUnlinked(path: string): Promise<boolean> {
  try {
    await fs.unlink(bytesOfPath(path));
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return errnoOf(error) === "ENOENT";
  }
}

/** Tries all of them. @throws NOT_REMOVED for the first that could not be removed */
export async function removeTrees(paths: readonly string[]): Promise<void> {
  const results = await Promise.allSettled(paths.map((path) => removeTree(path)));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

function unopened(path: string, error: unknown): Stuck | null {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  return errno === "ENOENT" ? null : { path, errno };
}

/** The error's parameters. @param root what was to be removed: one of banger's paths, safe to type */
export function describeStuck(root: string, { path, errno, uid }: Stuck) {
  const shown = printable(path);
  const known = { root: printable(root), path: shown };
  // an untrusted name must not be part of a command line
  const target = /^[\w./+:@-]+$/.test(path) ? path : printable(root);
  if (uid !== undefined)
    return { ...known, reason: `it belongs to user ${uid}`, next: `\`sudo rm -rf ${target}\` removes it` };
  switch (errno) {
    case "EBUSY":
      return {
        ...known,
        reason: "a file system is mounted there, or it is being changed",
        next: `\`sudo umount ${target}\` ends the mount`,
      };
    case "EPERM":
    case "EACCES":
      return {
        ...known,
        reason: "the system forbids it",
        next: `\`sudo chattr -R -i -a ${known.root}\` takes away the flags that do so (\`lsattr -R ${known.root}\` shows them)`,
      };
    case "ENOTEMPTY":
      return { ...known, reason: "it is being written to", next: `\`fuser -v ${target}\` shows by whom` };
    case "EROFS":
      return { ...known, reason: "its file system is read-only", next: "`sudo dmesg` may say why" };
    default:
      return { ...known, reason: `the system says ${errno}`, next: "`sudo dmesg` may say why" };
  }
}

function printable(path: string): string {
  return oneLine(path.replace(/[\udc80-\udcff]/gu, "?")).slice(0, 1024);
}
