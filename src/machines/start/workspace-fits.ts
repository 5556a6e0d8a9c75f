/** Whether a workspace fits a VM's data disk, told before anything is made. Pure. */
import { fail } from "../../base/errors/error.ts";
import { formatSize } from "../../base/units.ts";

/** What goes in, without the history of its repositories, which is packed later. */
export type WorkspaceSize = {
  /** of files, each rounded up to whole blocks of 4 KiB */
  bytes: number;
  /** files, folders and links */
  entries: number;
};

const mib = 1024 * 1024;
const gib = 1024 * mib;
/** What the file system keeps for itself (`vmm/disk.ts`): its journal, and 256 bytes of inode for each 16 KiB. */
const journalBytes = 64 * mib;
const usablePart = 0.97;
/** mke2fs's defaults (mke2fs.conf): no more files than this fit, however small they are. */
const bytesPerInode = (diskBytes: number) => (diskBytes < 512 * mib ? 4096 : 16_384);
/** beside the workspace's own, in a guest's image and home */
const otherFiles = 1000;

/** What a disk of about that size must have at least, in bytes. */
function leastDisk({ bytes, entries }: WorkspaceSize, diskBytes: number): number {
  return Math.max((bytes + journalBytes) / usablePart, (entries + otherFiles) * bytesPerInode(diskBytes));
}

/** The size to ask for, as `--disk` takes it: room to work in comes on top, as much again as a quarter, and 1 GiB. */
export function adviseDisk(size: WorkspaceSize): string {
  return `${Math.ceil((leastDisk(size, gib) * 1.25 + gib) / gib)}G`;
}

/** @throws WORKSPACE_TOO_LARGE */
export function requireFits(size: WorkspaceSize, diskBytes: number): void {
  if (leastDisk(size, diskBytes) <= diskBytes) return;
  const { bytes, entries } = size;
  throw fail("WORKSPACE_TOO_LARGE", {
    size: formatSize(bytes),
    entries,
    disk: formatSize(diskBytes),
    advice: adviseDisk(size),
  });
}
