/** Reads inodes of every basic and extended type. */
import type { DeviceNumbers, TarKind } from "../tar/header.ts";
import { SquashfsError } from "./error.ts";
import { bytesIn, type Cursor } from "./metadata.ts";

export type SquashNode = {
  /** unique in its file system: names with the same inode are hard links */
  inode: number;
  kind: TarKind | "socket";
  /** permission bits, at most 0o7777 */
  mode: number;
  uid: number;
  gid: number;
  /** seconds since 1970 */
  mtime: number;
  /** bytes of a file's content */
  size: number;
  links: number;
  /** a symlink's target, else empty */
  link: string;
  device: DeviceNumbers | null;
  /** location of its data */
  at: Place;
};

export type Place =
  | { kind: "file"; start: number; blocks: readonly number[]; fragment: number; offset: number; xattr: number }
  | { kind: "folder"; block: number; offset: number; bytes: number; xattr: number }
  | { kind: "other"; xattr: number };

const none = 0xffffffff;
const maxLink = 65_536;
/** most blocks of one file: 16 TiB in blocks of 1 MiB, 2 TiB in the default size */
const maxBlocks = 16 * 1024 * 1024;

/** @param idOf the user or group id at an index */
export async function readInode(
  cursor: Cursor,
  blockSize: number,
  idOf: (index: number) => Promise<number>,
): Promise<SquashNode> {
  const head = await cursor.read(16);
  const type = head.getUint16(0, true);
  const common = {
    inode: head.getUint32(12, true),
    mode: head.getUint16(2, true) & 0o7777,
    uid: await idOf(head.getUint16(4, true)),
    gid: await idOf(head.getUint16(6, true)),
    mtime: head.getUint32(8, true),
    size: 0,
    links: 1,
    link: "",
    device: null,
  };
  const isExtended = type > 7;
  switch (isExtended ? type - 7 : type) {
    case 1:
      return { ...common, kind: "folder", ...(await folder(cursor, isExtended)) };
    case 2:
      return { ...common, kind: "file", ...(await file(cursor, isExtended, blockSize)) };
    case 3:
      return { ...common, kind: "symlink", ...(await symlink(cursor, isExtended)) };
    case 4:
      return { ...common, kind: "block", ...(await device(cursor, isExtended)) };
    case 5:
      return { ...common, kind: "character", ...(await device(cursor, isExtended)) };
    case 6:
      return { ...common, kind: "fifo", ...(await plain(cursor, isExtended)) };
    case 7:
      return { ...common, kind: "socket", ...(await plain(cursor, isExtended)) };
    default:
      throw new SquashfsError("an inode is of an unknown type");
  }
}

type Rest = Pick<SquashNode, "links" | "at"> & Partial<SquashNode>;

/** A listing's stored length is three bytes more than its real one. */
async function folder(cursor: Cursor, isExtended: boolean): Promise<Rest> {
  const view = await cursor.read(isExtended ? 24 : 16);
  const [block, bytes, offset, links, xattr] = isExtended
    ? [
        view.getUint32(8, true),
        view.getUint32(4, true),
        view.getUint16(18, true),
        view.getUint32(0, true),
        view.getUint32(20, true),
      ]
    : [view.getUint32(0, true), view.getUint16(8, true), view.getUint16(10, true), view.getUint32(4, true), none];
  return { links, at: { kind: "folder", block, offset, bytes: Math.max(0, bytes - 3), xattr } };
}

async function file(cursor: Cursor, isExtended: boolean, blockSize: number): Promise<Rest> {
  const view = await cursor.read(isExtended ? 40 : 16);
  const size = isExtended ? Number(view.getBigUint64(8, true)) : view.getUint32(12, true);
  const start = isExtended ? Number(view.getBigUint64(0, true)) : view.getUint32(0, true);
  const fragment = view.getUint32(isExtended ? 28 : 4, true);
  const count = fragment === none ? Math.ceil(size / blockSize) : Math.floor(size / blockSize);
  if (count > maxBlocks) throw new SquashfsError("a file is too large");
  const blocks: number[] = [];
  // read in pieces, so that a false count fails before memory is allocated for it
  while (blocks.length < count) {
    const part = Math.min(1024, count - blocks.length);
    const sizes = await cursor.read(part * 4);
    for (let i = 0; i < part; i++) blocks.push(sizes.getUint32(i * 4, true));
  }
  const offset = view.getUint32(isExtended ? 32 : 8, true);
  const xattr = isExtended ? view.getUint32(36, true) : none;
  const links = isExtended ? view.getUint32(24, true) : 1;
  return { size, links, at: { kind: "file", start, blocks, fragment, offset, xattr } };
}

async function symlink(cursor: Cursor, isExtended: boolean): Promise<Rest> {
  const view = await cursor.read(8);
  const [links, length] = [view.getUint32(0, true), view.getUint32(4, true)];
  if (length > maxLink) throw new SquashfsError("a symlink is too long");
  const link = bytesIn(await cursor.read(length));
  return { links, link, at: { kind: "other", xattr: await trailingXattr(cursor, isExtended) } };
}

/** As the kernel's new_encode_dev packs it. */
async function device(cursor: Cursor, isExtended: boolean): Promise<Rest> {
  const view = await cursor.read(8);
  const packed = view.getUint32(4, true);
  const numbers = { major: (packed & 0xfff00) >>> 8, minor: (packed & 0xff) | ((packed >>> 12) & 0xfff00) };
  const xattr = await trailingXattr(cursor, isExtended);
  return { links: view.getUint32(0, true), device: numbers, at: { kind: "other", xattr } };
}

async function plain(cursor: Cursor, isExtended: boolean): Promise<Rest> {
  const links = (await cursor.read(4)).getUint32(0, true);
  return { links, at: { kind: "other", xattr: await trailingXattr(cursor, isExtended) } };
}

async function trailingXattr(cursor: Cursor, isExtended: boolean): Promise<number> {
  return isExtended ? (await cursor.read(4)).getUint32(0, true) : none;
}
