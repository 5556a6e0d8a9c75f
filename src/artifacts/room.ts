/** Free space, looked at before something large is written and while it is: a full disk would stop more than a download. */
import { fail } from "../base/errors/error.ts";
import { formatSize } from "../base/units.ts";

/** Bytes that the user may still write where `path` is. */
export type FreeBytes = (path: string) => Promise<number>;

/** bytes that stay free */
export const roomMargin = 32 * 1024 ** 2;

export type RoomWanted = {
  /** an existing folder */
  path: string;
  /** still to be written */
  bytes: number;
  during: string;
};

/** @throws DISK_FULL when less than `bytes` and the margin are free */
export async function requireRoom(freeBytes: FreeBytes, { path, bytes, during }: RoomWanted): Promise<void> {
  const needed = bytes + roomMargin;
  const free = await freeBytes(path);
  if (free < needed) throw fail("DISK_FULL", { path, during, needed: formatSize(needed), free: formatSize(free) });
}
