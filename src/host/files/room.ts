/** Finds out whether a file system has space by writing: the number of free blocks ignores quotas and reserved blocks. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import { isDiskFull } from "../errno.ts";
import { freeBytes } from "./files.ts";

const chunkBytes = 1024 * 1024;

/** True when `bytes` can be written to a new file in `folder`; the file is removed afterwards. */
export async function hasRoom(folder: string, bytes: number): Promise<boolean> {
  if ((await freeBytes(folder)) < bytes) return false;
  const path = `${folder}/.room-${randomBytes(6).toString("hex")}`;
  try {
    await takeRoom(path, bytes);
    return true;
  } catch (error) {
    if (isDiskFull(error)) return false;
    throw error;
  } finally {
    await fs.rm(path, { force: true });
  }
}

/**
 * Writes a new file of that size, mode 0600. The content can't be compressed, and is written instead of only allocated, which some file
 * systems can't do.
 * @throws EEXIST, ENOSPC, EDQUOT; the file may exist then
 */
export async function takeRoom(path: string, bytes: number): Promise<void> {
  const file = await fs.open(path, "wx", 0o600);
  try {
    const chunk = randomBytes(Math.min(chunkBytes, bytes));
    for (let left = bytes; left > 0; ) left -= (await file.write(chunk, 0, Math.min(chunk.length, left))).bytesWritten;
  } finally {
    await file.close();
  }
}
