/** Symbolic links of a program that is about to start. */
import * as fs from "node:fs/promises";

/** Makes `path` lead to `target`, in place of what was there; not synced. @throws EISDIR, EPERM when a folder is there */
export async function replaceLink(target: string, path: string): Promise<void> {
  await fs.rm(path, { force: true });
  await fs.symlink(target, path);
}
