/** Bytes of a squashfs file: checked reads, its superblock, and decompression of its blocks. */
import { unzipSync, zstdDecompressSync } from "node:zlib";
import { Lz4Error, unpackBlock } from "../lz4.ts";
import { checkSquashfs, superblockSize } from "../squashfs.ts";
import { SquashfsError } from "./error.ts";

/** Reads a file at an offset. */
export type ReadAt = { readAt(offset: number, length: number): Promise<Uint8Array> };

export type Layout = {
  blockSize: number;
  fragments: number;
  ids: number;
  /** reference to the root's inode */
  root: bigint;
  /** positions of the tables; null if absent */
  idTable: number;
  xattrTable: number | null;
  inodeTable: number;
  directoryTable: number;
  fragmentTable: number | null;
};

const known = new Set(["gzip", "lz4", "zstd"]);
const maxBlock = 1024 * 1024;

export class Source {
  readonly layout: Layout;
  readonly #file: ReadAt;
  readonly #size: number;
  readonly #compression: string;

  private constructor(file: ReadAt, size: number, head: Uint8Array) {
    const checked = checkSquashfs(head, size);
    if ("problem" in checked) throw new SquashfsError(`it ${checked.problem}`);
    if (!known.has(checked.compression)) {
      throw new SquashfsError(`its compression ${checked.compression} can't be read here`);
    }
    this.#file = file;
    this.#size = checked.bytesUsed;
    this.#compression = checked.compression;
    this.layout = layoutOf(head, this.#size);
  }

  /** @throws SquashfsError */
  static async open(file: ReadAt, size: number): Promise<Source> {
    const head = size < superblockSize ? new Uint8Array() : await file.readAt(0, superblockSize);
    return new Source(file, size, head);
  }

  /** @throws SquashfsError for a read beyond the file's end */
  async read(position: number, length: number): Promise<Uint8Array> {
    if (position < 0 || length < 0 || position + length > this.#size)
      throw new SquashfsError("a position is beyond its end");
    return this.#file.readAt(position, length);
  }

  /** @param most limit in bytes of the result */
  unpack(packed: Uint8Array, most: number): Uint8Array {
    try {
      if (this.#compression === "gzip") return unzipSync(packed, { maxOutputLength: most });
      if (this.#compression === "zstd") return zstdDecompressSync(packed, { maxOutputLength: most });
      const out = new Uint8Array(most);
      return out.subarray(0, unpackBlock(packed, out, 0));
    } catch (error) {
      if (error instanceof Lz4Error || error instanceof Error) throw new SquashfsError("a block can't be unpacked");
      throw error;
    }
  }
}

/** Kernel Documentation/filesystems/squashfs.rst; the superblock's fields are in `fs/squashfs/squashfs_fs.h`. */
function layoutOf(head: Uint8Array, size: number): Layout {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const position = (at: number): number => {
    const value = view.getBigUint64(at, true);
    if (value > BigInt(size)) throw new SquashfsError("a table is beyond its end");
    return Number(value);
  };
  const optional = (at: number) => (view.getBigUint64(at, true) === 0xffffffffffffffffn ? null : position(at));
  const blockSize = view.getUint32(12, true);
  if (blockSize < 4096 || blockSize > maxBlock || (blockSize & (blockSize - 1)) !== 0) {
    throw new SquashfsError("its block size is invalid");
  }
  return {
    blockSize,
    fragments: view.getUint32(16, true),
    ids: view.getUint16(26, true),
    root: view.getBigUint64(32, true),
    idTable: position(48),
    xattrTable: optional(56),
    inodeTable: position(64),
    directoryTable: position(72),
    fragmentTable: optional(80),
  };
}
