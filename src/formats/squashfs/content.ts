/** File content: consecutive blocks, and tails in fragments that several files share. */
import { SquashfsError } from "./error.ts";
import type { SquashNode } from "./inode.ts";
import type { Metadata } from "./metadata.ts";
import type { Source } from "./source.ts";

const none = 0xffffffff;
const plainBit = 1 << 24;
const perTableBlock = 512;
/** bytes of cached fragments */
const cachedBytes = 16 * 1024 * 1024;

export class Contents {
  readonly #source: Source;
  readonly #metadata: Metadata;
  /** recently read fragment blocks: small files share them */
  readonly #fragments = new Map<number, Uint8Array>();

  constructor(source: Source, metadata: Metadata) {
    this.#source = source;
    this.#metadata = metadata;
  }

  /** Yields the content block by block; holes as zeros. @throws SquashfsError */
  async *of({ at, size }: SquashNode): AsyncGenerator<Uint8Array, void, void> {
    if (at.kind !== "file") throw new SquashfsError("only files have content");
    const { blockSize } = this.#source.layout;
    let position = at.start;
    let left = size;
    for (const word of at.blocks) {
      const bytes = Math.min(blockSize, left);
      const length = word & (plainBit - 1);
      yield length === 0 ? new Uint8Array(bytes) : exactly(await this.#block(position, word), bytes);
      position += length;
      left -= bytes;
    }
    if (at.fragment === none) return;
    const fragment = await this.#fragment(at.fragment);
    if (at.offset + left > fragment.length) throw new SquashfsError("a file's end is beyond its fragment");
    if (left > 0) yield fragment.subarray(at.offset, at.offset + left);
  }

  async #block(position: number, word: number): Promise<Uint8Array> {
    const { blockSize } = this.#source.layout;
    const length = word & (plainBit - 1);
    if (length > blockSize) throw new SquashfsError("a block is too long");
    const packed = await this.#source.read(position, length);
    return (word & plainBit) !== 0 ? packed : this.#source.unpack(packed, blockSize);
  }

  async #fragment(index: number): Promise<Uint8Array> {
    const kept = this.#fragments.get(index);
    if (kept) {
      this.#fragments.delete(index);
      this.#fragments.set(index, kept);
      return kept;
    }
    const { fragments, fragmentTable } = this.#source.layout;
    if (fragmentTable === null || index >= fragments) throw new SquashfsError("there is no such fragment");
    const pointer = await this.#source.read(fragmentTable + Math.floor(index / perTableBlock) * 8, 8);
    const table = Number(viewOf(pointer).getBigUint64(0, true));
    const entry = await this.#metadata.cursor(table, (index % perTableBlock) * 16).read(16);
    const bytes = await this.#block(Number(entry.getBigUint64(0, true)), entry.getUint32(8, true));
    this.#fragments.set(index, bytes);
    if (this.#fragments.size * this.#source.layout.blockSize > cachedBytes) {
      this.#fragments.delete(this.#fragments.keys().next().value as number);
    }
    return bytes;
  }
}

function exactly(block: Uint8Array, bytes: number): Uint8Array {
  if (block.length !== bytes) throw new SquashfsError("a block has another length than its file");
  return block;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
