/** Metadata: runs of 8 KiB blocks, each with its own length and optional compression, read as one byte stream. */
import { SquashfsError } from "./error.ts";
import type { Source } from "./source.ts";

const blockBytes = 8192;
/** cached unpacked blocks */
const cachedBlocks = 512;

/** Where the blocks are. */
type Blocks = Pick<Source, "read" | "unpack">;

type Block = { bytes: Uint8Array /** position of the next block */; next: number };

export class Metadata {
  readonly #source: Blocks;
  readonly #blocks = new Map<number, Block>();

  constructor(source: Blocks) {
    this.#source = source;
  }

  /** @param position of a block @param offset in its unpacked bytes */
  cursor(position: number, offset: number): Cursor {
    return new Cursor(this, position, offset);
  }

  async block(position: number): Promise<Block> {
    const kept = this.#blocks.get(position);
    if (kept) {
      this.#blocks.delete(position);
      this.#blocks.set(position, kept);
      return kept;
    }
    const read = await this.#read(position);
    this.#blocks.set(position, read);
    if (this.#blocks.size > cachedBlocks) this.#blocks.delete(this.#blocks.keys().next().value as number);
    return read;
  }

  async #read(position: number): Promise<Block> {
    const head = await this.#source.read(position, 2);
    const word = (head[0] as number) | ((head[1] as number) << 8);
    const length = word & 0x7fff;
    if (length === 0 || length > blockBytes) throw new SquashfsError("a metadata block's length is wrong");
    const packed = await this.#source.read(position + 2, length);
    const isPlain = (word & 0x8000) !== 0;
    const bytes = isPlain ? packed : this.#source.unpack(packed, blockBytes);
    return { bytes, next: position + 2 + length };
  }
}

/** A position in a run of blocks that advances as it is read. */
export class Cursor {
  readonly #metadata: Metadata;
  #position: number;
  #offset: number;

  constructor(metadata: Metadata, position: number, offset: number) {
    this.#metadata = metadata;
    this.#position = position;
    this.#offset = offset;
  }

  /** @throws SquashfsError if the run ends early */
  async read(length: number): Promise<DataView> {
    const { bytes } = await this.#metadata.block(this.#position);
    if (this.#offset + length > bytes.length) return this.#across(length);
    const view = new DataView(bytes.buffer, bytes.byteOffset + this.#offset, length);
    this.#offset += length;
    return view;
  }

  async #across(length: number): Promise<DataView> {
    const whole = new Uint8Array(length);
    let filled = 0;
    for (;;) {
      const block = await this.#metadata.block(this.#position);
      if (this.#offset > block.bytes.length) throw new SquashfsError("it points beyond a metadata block");
      const part = block.bytes.subarray(this.#offset, this.#offset + length - filled);
      whole.set(part, filled);
      filled += part.length;
      this.#offset += part.length;
      if (filled === length) return new DataView(whole.buffer);
      if (block.bytes.length < blockBytes) throw new SquashfsError("its metadata is cut short");
      this.#position = block.next;
      this.#offset = 0;
    }
  }
}

export function bytesIn(view: DataView): string {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("latin1");
}
