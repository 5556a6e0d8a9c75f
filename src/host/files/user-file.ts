/** Changes a file that belongs to the user, such as `~/.ssh/config`: a link stays one, its mode and all bytes that are not ours stay as they are. */
import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { isMissing } from "../errno.ts";
import { ensureFolder, writeAtomic } from "./files.ts";

/**
 * @param change from the old text to the new one, null where there is no file; a character is a byte (latin1)
 * @returns whether it changed; a new file has mode 0600, and its folder 0700
 */
export async function editUserFile(path: string, change: (text: string | null) => string | null): Promise<boolean> {
  const target = await fs.realpath(path).catch(async (error: unknown) => {
    if (isMissing(error)) return (await linkTarget(path)) ?? path;
    throw error;
  });
  const found = await fs.readFile(target, "latin1").catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  const text = change(found);
  if (text === found) return false;
  if (text === null) {
    await fs.rm(target);
    return true;
  }
  await ensureFolder(dirname(target), 0o700);
  const mode = found === null ? 0o600 : (await fs.stat(target)).mode & 0o777;
  await writeAtomic(target, Buffer.from(text, "latin1"), mode);
  return true;
}

/** of a link whose file is not there yet */
async function linkTarget(path: string): Promise<string | null> {
  try {
    const target = await fs.readlink(path);
    return target.startsWith("/") ? target : `${dirname(path)}/${target}`;
  } catch {
    return null;
  }
}
