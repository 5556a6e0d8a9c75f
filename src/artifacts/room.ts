/** Checks the free space before and during large writes: a full disk would stop more than a download. */
import { fail } from "../base/errors/error.ts";
import { formatSize } from "../base/units.ts";

/** Bytes that the user can still write at `path`. */
export type FreeBytes = (path: string) => Promise<number>;

/** bytes that must stay free */
export const roomMargin = 32 * 1024 ** 2;

export type RoomWanted = {
  /** an existing folder */
  path: string;
  /** still to be written */
  bytes: number;
  during: string;
};

/** @throws DISK_FULL if less than `bytes` plus the margin is free */
export async function requireRoom(freeBytes: FreeBytes, { path, bytes, during }: RoomWanted): Promise<void> {
  const needed = bytes + roomMargin;
  const free = await freeBytes(path);
  if (free < needed) throw fail("DISK_FULL", { path, during, needed: formatSize(needed), free: formatSize(free) });
}
