/** The superblock of a squashfs 4.0 file: enough to identify the format and detect truncation. */

export const superblockSize = 96;

export type Superblock = {
  compression: "gzip" | "lzma" | "lzo" | "xz" | "lz4" | "zstd";
  bytesUsed: number;
  inodes: number;
};

const compressions = ["gzip", "lzma", "lzo", "xz", "lz4", "zstd"] as const;

/** The superblock, or what is wrong with the file, as the end of a sentence. `fileSize` in bytes. */
export function checkSquashfs(head: Uint8Array, fileSize: number): { problem: string } | Superblock {
  if (fileSize === 0) return { problem: "is empty" };
  if (head.length < superblockSize) return { problem: "is cut short" };
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0, true) !== 0x73717368) return { problem: "is not a squashfs file" };
  const compression = compressions[view.getUint16(20, true) - 1];
  if (view.getUint16(28, true) !== 4 || !compression) return { problem: "is a squashfs of another version" };
  const used = view.getBigUint64(40, true);
  if (used > BigInt(fileSize) || used < BigInt(superblockSize)) {
    return { problem: `is cut short: it has ${fileSize} of ${used} bytes` };
  }
  return { compression, bytesUsed: Number(used), inodes: view.getUint32(4, true) };
}
