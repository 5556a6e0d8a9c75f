/**
 * Reads a squashfs 4.0 file without root, mounting or unpacking it (kernel Documentation/filesystems/squashfs.rst). It
 * is untrusted: every offset, length and count is checked, and memory is bounded. Names are byte strings.
 */
import { Contents } from "./content.ts";
import { SquashfsError } from "./error.ts";
import { readInode, type SquashNode } from "./inode.ts";
import { bytesIn, Metadata } from "./metadata.ts";
import { type ReadAt, Source } from "./source.ts";
import { Xattrs } from "./xattrs.ts";

export { SquashfsError } from "./error.ts";
export type { SquashNode } from "./inode.ts";

/** A name in a folder; `node` reads its inode. */
export type SquashEntry = { name: string; node(): Promise<SquashNode> };

/** most bytes of one folder's listing */
const maxListing = 256 * 1024 * 1024;
/** most cached folder entries */
const cachedEntries = 200_000;
const perIdBlock = 2048;

export async function openSquashfs(file: ReadAt, size: number): Promise<Squashfs> {
  return Squashfs.open(await Source.open(file, size));
}

export class Squashfs {
  readonly root: SquashNode;
  readonly #source: Source;
  readonly #metadata: Metadata;
  readonly #contents: Contents;
  readonly #xattrs: Xattrs;
  readonly #listings = new Map<number, Map<string, bigint>>();
  #kept = 0;

  private constructor(source: Source, metadata: Metadata, root: SquashNode) {
    this.#source = source;
    this.#metadata = metadata;
    this.#contents = new Contents(source, metadata);
    this.#xattrs = new Xattrs(source, metadata);
    this.root = root;
  }

  static async open(source: Source): Promise<Squashfs> {
    const metadata = new Metadata(source);
    const root = await inodeAt(source, metadata, source.layout.root);
    if (root.kind !== "folder") throw new SquashfsError("its root is not a folder");
    return new Squashfs(source, metadata, root);
  }

  /** Null if it does not exist. Follows no symlinks. @param path without a leading slash; empty for the root */
  async lookup(path: string): Promise<SquashNode | null> {
    let node = this.root;
    for (const name of path.split("/")) {
      if (name === "") continue;
      if (node.kind !== "folder") return null;
      const child = await this.child(node, name);
      if (!child) return null;
      node = child;
    }
    return node;
  }

  /** The node of one name in a folder. */
  async child(folder: SquashNode, name: string): Promise<SquashNode | null> {
    const reference = (await this.#listing(folder)).get(name);
    return reference === undefined ? null : this.#inode(reference);
  }

  /** The entries of a folder, in the order of its listing. */
  async list(folder: SquashNode): Promise<SquashEntry[]> {
    const listing = await this.#listing(folder);
    return [...listing].map(([name, reference]) => ({ name, node: () => this.#inode(reference) }));
  }

  /** A file's content, block by block; holes as zeros. */
  content(file: SquashNode): AsyncGenerator<Uint8Array, void, void> {
    return this.#contents.of(file);
  }

  xattrs(node: SquashNode): Promise<Map<string, string>> {
    return this.#xattrs.of(node.at.xattr);
  }

  #inode(reference: bigint): Promise<SquashNode> {
    return inodeAt(this.#source, this.#metadata, reference);
  }

  async #listing(folder: SquashNode): Promise<Map<string, bigint>> {
    const kept = this.#listings.get(folder.inode);
    if (kept) return kept;
    const listing = await this.#readListing(folder);
    this.#kept += listing.size;
    for (const [inode, old] of this.#listings) {
      if (this.#kept <= cachedEntries) break;
      this.#listings.delete(inode);
      this.#kept -= old.size;
    }
    this.#listings.set(folder.inode, listing);
    return listing;
  }

  /** Reads runs of entries, each after a header that gives the block of their inodes. */
  async #readListing({ at }: SquashNode): Promise<Map<string, bigint>> {
    if (at.kind !== "folder") throw new SquashfsError("only folders have entries");
    if (at.bytes > maxListing) throw new SquashfsError("a folder is too large");
    const listing = new Map<string, bigint>();
    const cursor = this.#metadata.cursor(this.#source.layout.directoryTable + at.block, at.offset);
    for (let left = at.bytes; left > 0; ) {
      const head = await cursor.read(12);
      left -= 12;
      const count = head.getUint32(0, true) + 1;
      if (count > 256) throw new SquashfsError("a folder's listing is wrong");
      const block = BigInt(head.getUint32(4, true)) << 16n;
      for (let i = 0; i < count; i++) {
        const entry = await cursor.read(8);
        const offset = BigInt(entry.getUint16(0, true));
        const length = entry.getUint16(6, true) + 1;
        const name = bytesIn(await cursor.read(length));
        left -= 8 + length;
        if (left < 0 || length > 256 || !isName(name)) throw new SquashfsError("a folder's listing is wrong");
        if (listing.has(name)) throw new SquashfsError("a folder contains a name twice");
        listing.set(name, block | offset);
      }
    }
    return listing;
  }
}

function isName(name: string): boolean {
  return name !== "." && name !== ".." && !name.includes("/") && !name.includes("\0");
}

async function inodeAt(source: Source, metadata: Metadata, reference: bigint): Promise<SquashNode> {
  const position = source.layout.inodeTable + Number(reference >> 16n);
  const cursor = metadata.cursor(position, Number(reference & 0xffffn));
  return readInode(cursor, source.layout.blockSize, (index) => idAt(source, metadata, index));
}

async function idAt(source: Source, metadata: Metadata, index: number): Promise<number> {
  const { ids, idTable } = source.layout;
  if (index >= ids) throw new SquashfsError("an owner is not in its table");
  const pointer = await source.read(idTable + Math.floor(index / perIdBlock) * 8, 8);
  const table = Number(new DataView(pointer.buffer, pointer.byteOffset).getBigUint64(0, true));
  return (await metadata.cursor(table, (index % perIdBlock) * 4).read(4)).getUint32(0, true);
}
