/** The disk space that a folder takes, with a bound on the work: a VM's folder may contain anything that its VMM put there. */
import * as fs from "node:fs/promises";
import { bytesOfPath } from "../../base/path-bytes.ts";
import { errnoOf } from "../errno.ts";
import { listFolder } from "./files.ts";

/** The most entries that are examined: one of banger's folders has a few dozen. */
export const maxLooked = 50_000;
/** concurrent lstat(2) calls */
const atOnce = 64;

/**
 * Allocated bytes of everything below `path`; what disappears meanwhile or can't be examined is not counted. In a tree with more than
 * `most` entries only the first ones are counted.
 */
export async function usedBytes(path: string, most = maxLooked): Promise<number> {
  const root = await look(path);
  let bytes = root.bytes;
  let left = most;
  const folders = root.isFolder ? [path] : [];
  for (let folder = folders.pop(); folder !== undefined && left > 0; folder = folders.pop()) {
    const names = (await listed(folder)).slice(0, left);
    left -= names.length;
    for (let from = 0; from < names.length; from += atOnce) {
      const paths = names.slice(from, from + atOnce).map((name) => `${folder}/${name}`);
      for (const [i, found] of (await Promise.all(paths.map(look))).entries()) {
        bytes += found.bytes;
        if (found.isFolder) folders.push(paths[i] as string);
      }
    }
  }
  return bytes;
}

async function look(path: string): Promise<{ bytes: number; isFolder: boolean }> {
  try {
    const stat = await fs.lstat(bytesOfPath(path));
    return { bytes: stat.blocks * 512, isFolder: stat.isDirectory() };
  } catch (error) {
    if (errnoOf(error) !== undefined) return { bytes: 0, isFolder: false };
    throw error;
  }
}

async function listed(folder: string): Promise<string[]> {
  try {
    return await listFolder(folder);
  } catch (error) {
    if (errnoOf(error) !== undefined) return [];
    throw error;
  }
}
