/**
 * Gives the root folder of a new squashfs to root and a fixed time, so that equal content makes equal files: sqfstar
 * (4.5) always uses its own user and the current time. The image must be packed with uncompressed inodes and ids
 * (`-noI`). Layout: kernel Documentation/filesystems/squashfs.rst.
 */
import type { RandomAccess } from "../host/files/random-access.ts";

const metadataBlock = 8192;

/** False if it can't be done: compressed tables, or no file in it belongs to root. */
export async function giveRootToRoot(file: RandomAccess): Promise<boolean> {
  const superblock = viewOf(await file.readAt(0, 96));
  const ids = superblock.getUint16(26, true);
  const rootInode = superblock.getBigUint64(32, true);
  const idTable = Number(superblock.getBigUint64(48, true));
  const inodeTable = Number(superblock.getBigUint64(64, true));
  const index = await indexOfRoot(file, idTable, ids);
  if (index === null) return false;
  const block = inodeTable + Number(rootInode >> 16n);
  if (!(await isPlain(file, block))) return false;
  const offset = Number(rootInode & 0xffffn);
  const type = (await file.readAt(position(block, offset), 1))[0];
  if (type !== 1 && type !== 8) return false;
  // u16 type, u16 mode, u16 index of the owner, u16 index of the group, u32 time of change
  const field = [index & 0xff, index >> 8, index & 0xff, index >> 8, 0, 0, 0, 0];
  for (const [at, byte] of field.entries())
    await file.writeAt(position(block, offset + 4 + at), new Uint8Array([byte]));
  return true;
}

/** An inode can span two metadata blocks; each has a header of 2 bytes. */
function position(block: number, offset: number): number {
  return block + 2 + offset + (offset >= metadataBlock ? 2 : 0);
}

/** The id table is a list of blocks of 32-bit ids, found by 64-bit pointers. */
async function indexOfRoot(file: RandomAccess, table: number, count: number): Promise<number | null> {
  const perBlock = metadataBlock / 4;
  for (let first = 0; first < count; first += perBlock) {
    const block = Number(viewOf(await file.readAt(table + (first / perBlock) * 8, 8)).getBigUint64(0, true));
    if (!(await isPlain(file, block))) return null;
    const ids = Math.min(perBlock, count - first);
    const view = viewOf(await file.readAt(block + 2, ids * 4));
    for (let i = 0; i < ids; i++) if (view.getUint32(i * 4, true) === 0) return first + i;
  }
  return null;
}

/** The top bit of a metadata block's header says that it is not compressed. */
async function isPlain(file: RandomAccess, block: number): Promise<boolean> {
  return (viewOf(await file.readAt(block, 2)).getUint16(0, true) & 0x8000) !== 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
