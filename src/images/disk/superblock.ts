/** The superblock of an ext2, ext3 or ext4 file system, read without mounting it. Its bytes are untrusted. */

/** bytes at the beginning of a disk that are read */
export const superblockEnd = 2048;

const at = 1024;
const magicAt = at + 0x38;
const has64Bit = 0x80;

/** Whether a disk that begins like this is an ext2, ext3 or ext4 file system. */
export function isExt4(head: Uint8Array): boolean {
  return head.length >= superblockEnd && head[magicAt] === 0x53 && head[magicAt + 1] === 0xef;
}

/**
 * Why a disk of `size` bytes is not an intact ext2, ext3 or ext4 file system, as the end of a sentence; null if it
 * looks fine.
 */
export function ext4Problem(head: Uint8Array, size: number): string | null {
  if (!isExt4(head)) return "is not an ext4 file system";
  const bytes = fileSystemBytes(head);
  if (bytes === null) return "has a damaged ext4 superblock";
  return size < bytes ? `is cut short: its file system has ${bytes} bytes, the file ${size}` : null;
}

/** The file system's size; null if the superblock is invalid. */
function fileSystemBytes(head: Uint8Array): number | null {
  const view = new DataView(head.buffer, head.byteOffset + at, superblockEnd - at);
  const blockBits = view.getUint32(0x18, true);
  const is64Bit = (view.getUint32(0x60, true) & has64Bit) !== 0;
  const high = is64Bit ? view.getUint32(0x150, true) : 0;
  const blocks = high * 2 ** 32 + view.getUint32(0x04, true);
  if (blockBits > 6 || blocks === 0) return null;
  return blocks * (1024 << blockBits);
}
