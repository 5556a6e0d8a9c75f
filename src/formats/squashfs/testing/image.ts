/** Hand-made uncompressed squashfs files: a root folder, its content, and defects. */

export type Fields = [bytes: 2 | 4 | 8, value: number | bigint][];

/** Little-endian numbers, one after the other. */
export function packed(...fields: Fields): Buffer {
  const out = Buffer.alloc(fields.reduce((sum, [bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 8) out.writeBigUInt64LE(BigInt(value), at);
    else out.writeUIntLE(Number(value), at, bytes);
    at += bytes;
  }
  return out;
}

/** Blocks of 8 KiB, each after its length. */
export function metadata(bytes: Uint8Array): Buffer {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 8192) {
    const block = bytes.subarray(at, at + 8192);
    blocks.push(packed([2, 0x8000 | block.length]), block);
  }
  return Buffer.concat(blocks);
}

/** The common beginning of every inode. @param owner index of its user and group */
export function inode(type: number, rest: Uint8Array, owner = 0): Buffer {
  return Buffer.concat([packed([2, type], [2, 0o755], [2, owner], [2, owner], [4, 0], [4, type]), rest]);
}

/**
 * A run of a folder's listing: names that all refer to the inode after the root's. @param count stated in its header
 */
export function listing(names: readonly string[], count = names.length): Buffer {
  const entries = names.flatMap((name) => [
    packed([2, rootBytes], [2, 0], [2, 0], [2, name.length - 1]),
    Buffer.from(name, "latin1"),
  ]);
  return Buffer.concat([packed([4, count - 1], [4, 0], [4, 0]), ...entries]);
}

/** bytes of the root's inode, an extended one */
const rootBytes = 40;

/** position of `Made.content` */
export const contentStart = 96;
/** Added to the length of a block that is stored as it is. */
export const plainBlock = 1 << 24;

export type Made = {
  /** inodes after the root's */
  rest?: Uint8Array;
  listing?: Uint8Array;
  /** length of the listing stated in the root's inode */
  listingBytes?: number;
  rootType?: number;
  ids?: number;
  /** the table of users and groups */
  owners?: readonly number[];
  /** blocks of files, which begin at `contentStart` */
  content?: Uint8Array;
  /** where the block of each fragment is, and the word for its length */
  fragments?: readonly { start: number; word: number }[];
  /** one list of attributes: `before` empty ones are before it in the table, and `at` is its reference */
  attributes?: { list: Uint8Array; count: number; before?: number; at?: number };
  xattrIndex?: number;
  blockSize?: number;
  /** overwrites fields of the superblock */
  superblock?: (head: DataView, size: number) => void;
};

export function image(made: Made): Uint8Array {
  const names = made.listing ?? new Uint8Array();
  const bytes = (made.listingBytes ?? names.length) + 3;
  const folder: Fields = [
    [4, 2],
    [4, bytes],
    [4, 0],
    [4, 0],
    [2, 0],
    [2, 0],
    [4, made.xattrIndex ?? 0xffffffff],
  ];
  const inodes = metadata(Buffer.concat([inode(made.rootType ?? 8, packed(...folder)), made.rest ?? new Uint8Array()]));
  const content = made.content ?? new Uint8Array();
  const inodeTable = contentStart + content.length;
  const directoryTable = inodeTable + inodes.length;
  const names8k = metadata(names);
  const ids = directoryTable + names8k.length;
  const owners = made.owners ?? [1000];
  const idBlocks = metadata(packed(...owners.map((owner): Fields[number] => [4, owner])));
  const idTable = ids + idBlocks.length;
  const idPointers = packed(...pointersTo(ids, owners.length, 2048));
  const { list, count, before = 0, at = 0 } = made.attributes ?? { list: new Uint8Array(), count: 0 };
  const lists = idTable + idPointers.length;
  const listBlocks = metadata(list);
  const entries = lists + listBlocks.length;
  const entryBlocks = metadata(
    Buffer.concat([Buffer.alloc(16 * before), packed([8, at], [4, count], [4, list.length])]),
  );
  const xattrTable = entries + entryBlocks.length;
  const table = packed([8, lists], [4, before + 1], [4, 0], ...pointersTo(entries, before + 1, 512));
  const fragments = made.fragments ?? [];
  const fragmentBlocks = xattrTable + table.length;
  const described = metadata(Buffer.concat(fragments.map(({ start, word }) => packed([8, start], [4, word], [4, 0]))));
  const fragmentTable = fragmentBlocks + described.length;
  const pointers = packed(...pointersTo(fragmentBlocks, fragments.length, 512));
  const tail = [inodes, names8k, idBlocks, idPointers, listBlocks, entryBlocks, table, described];
  const whole = Buffer.concat([new Uint8Array(96), content, ...tail, pointers]);
  const blockSize = made.blockSize ?? 131_072;
  const head: Fields = [
    [4, 0x73717368],
    [4, 2],
    [4, 0],
    [4, blockSize],
    [4, fragments.length],
    [2, 1],
    [2, 17],
    [2, 0],
  ];
  head.push([2, made.ids ?? owners.length], [2, 4], [2, 0], [8, 0], [8, whole.length], [8, idTable], [8, xattrTable]);
  const none = 2n ** 64n - 1n;
  head.push([8, inodeTable], [8, directoryTable], [8, fragments.length > 0 ? fragmentTable : none], [8, none]);
  whole.set(packed(...head));
  made.superblock?.(new DataView(whole.buffer, whole.byteOffset, whole.length), whole.length);
  return new Uint8Array(whole);
}

/** Positions of the blocks of a table's entries, the first of which is at `start`. */
function pointersTo(start: number, count: number, perBlock: number): Fields {
  return Array.from({ length: Math.ceil(count / perBlock) }, (_, at) => [8, start + at * (8192 + 2)]);
}
