/** Files that several programs read, and that the last one may remove: flock(2). */
import * as fs from "node:fs/promises";
import { isMissing } from "../errno.ts";
import { flockNow, flockSharedNow } from "../libc.ts";
import { isStillThere } from "./append.ts";
import { removeTree } from "./remove-tree.ts";

export type HeldFile = { /** lets others remove it */ close(): Promise<void> };

/** Keeps `removeUnlessHeld` from removing the file. Null when it is missing, or is being removed or written (`appendTo`). */
export async function holdFile(path: string): Promise<HeldFile | null> {
  const file = await openIfAny(path);
  if (!file) return null;
  if (flockSharedNow(file.fd) && (await isStillThere(path, file))) return file;
  await file.close();
  return null;
}

/** @returns false when it is in use, by `holdFile` or `appendTo`; true also when it was missing */
export async function removeUnlessHeld(path: string): Promise<boolean> {
  const file = await openIfAny(path);
  if (!file) return true;
  try {
    if (!flockNow(file.fd)) return false;
    if (await isStillThere(path, file)) await removeTree(path);
    return true;
  } finally {
    await file.close();
  }
}

async function openIfAny(path: string): Promise<fs.FileHandle | null> {
  try {
    return await fs.open(path, "r");
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
