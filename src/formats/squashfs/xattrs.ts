/** Extended attributes: a table of ids points to lists of names and values; values can be stored out of line. */
import { SquashfsError } from "./error.ts";
import { bytesIn, type Cursor, type Metadata } from "./metadata.ts";
import type { Source } from "./source.ts";

const none = 0xffffffff;
const prefixes = ["user.", "trusted.", "security."];
const perTableBlock = 512;
const maxCount = 10_000;
const maxValue = 65_536;

export class Xattrs {
  readonly #source: Source;
  readonly #metadata: Metadata;
  #table: { start: number; count: number } | null = null;

  constructor(source: Source, metadata: Metadata) {
    this.#source = source;
    this.#metadata = metadata;
  }

  /** By full name; names and values are byte strings. @param index from an inode */
  async of(index: number): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const { xattrTable } = this.#source.layout;
    if (index === none || xattrTable === null) return found;
    const table = await this.#head(xattrTable);
    if (index >= table.count) throw new SquashfsError("extended attributes are not in their table");
    const pointer = await this.#source.read(xattrTable + 16 + Math.floor(index / perTableBlock) * 8, 8);
    const entry = await this.#metadata.cursor(numberAt(pointer), (index % perTableBlock) * 16).read(16);
    const count = entry.getUint32(8, true);
    if (count > maxCount) throw new SquashfsError("a file has too many extended attributes");
    const cursor = this.#at(table.start, entry.getBigUint64(0, true));
    for (let i = 0; i < count; i++) await this.#one(cursor, table.start, found);
    return found;
  }

  async #one(cursor: Cursor, start: number, found: Map<string, string>): Promise<void> {
    const head = await cursor.read(4);
    const type = head.getUint16(0, true);
    const name = bytesIn(await cursor.read(head.getUint16(2, true)));
    const length = (await cursor.read(4)).getUint32(0, true);
    if (length > maxValue) throw new SquashfsError("an extended attribute is too large");
    const view = await cursor.read(length);
    const value = (type & 0x100) === 0 ? bytesIn(view) : await this.#elsewhere(start, view);
    const prefix = prefixes[type & 0xff];
    if (prefix !== undefined) found.set(prefix + name, value);
  }

  async #elsewhere(start: number, reference: DataView): Promise<string> {
    if (reference.byteLength !== 8) throw new SquashfsError("an extended attribute points nowhere");
    const cursor = this.#at(start, reference.getBigUint64(0, true));
    const length = (await cursor.read(4)).getUint32(0, true);
    if (length > maxValue) throw new SquashfsError("an extended attribute is too large");
    return bytesIn(await cursor.read(length));
  }

  #at(start: number, reference: bigint): Cursor {
    return this.#metadata.cursor(start + Number(reference >> 16n), Number(reference & 0xffffn));
  }

  async #head(position: number): Promise<{ start: number; count: number }> {
    if (this.#table) return this.#table;
    const head = await this.#source.read(position, 16);
    const count = new DataView(head.buffer, head.byteOffset).getUint32(8, true);
    this.#table = { start: numberAt(head), count };
    return this.#table;
  }
}

function numberAt(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
}
