/**
 * Parses refs as git 3 stores them: one table in the reftable format (git's Documentation/technical/reftable.txt, versions 1 and 2).
 * Only the blocks with refs are read; logs and indexes are skipped. Hostile input: every length is checked. Pure.
 */

export type RefRecord = {
  /** byte text, unchecked */
  name: string;
  /** an object id, the name of another ref, or null for a deleted ref */
  value: { oid: string } | { target: string } | null;
};

/** The file is damaged, or of an unknown version. */
export class ReftableError extends Error {}

/** @param bytes of one `*.ref` file; the records are sorted by name */
export function parseReftable(bytes: Uint8Array): RefRecord[] {
  const reader = new Bytes(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const header = readHeader(reader);
  const records: RefRecord[] = [];
  let start = 0;
  let at = header.length;
  while (at < reader.length && reader.byte(at) === blockOfRefs) {
    const end = start + reader.uint(at + 1, 3);
    readRefs(reader, at + 4, end, header.oidLength, records);
    start = nextBlock(reader, start, end, header.blockSize);
    at = start;
  }
  return records;
}

const blockOfRefs = 0x72;

type Header = { length: number; blockSize: number; oidLength: number };

function readHeader(reader: Bytes): Header {
  const version = reader.byte(4);
  if (reader.text(0, 4) !== "REFT" || (version !== 1 && version !== 2)) throw new ReftableError("no known reftable");
  const isSha256 = version === 2 && reader.text(24, 4) === "s256";
  return { length: version === 1 ? 24 : 28, blockSize: reader.uint(5, 3), oidLength: isSha256 ? 32 : 20 };
}

/** Blocks are padded with zeros to the table's block size, or follow each other if they are not padded. */
function nextBlock(reader: Bytes, start: number, end: number, blockSize: number): number {
  const isPadded = end - start < blockSize && end < reader.length && reader.byte(end) === 0;
  return isPadded ? start + blockSize : end;
}

/** Reads records from `at`; the restart points, which are not needed here, are at the end of the block. */
function readRefs(reader: Bytes, at: number, end: number, oidLength: number, into: RefRecord[]): void {
  const records = end - 2 - 3 * reader.uint(end - 2, 2);
  if (records < at) throw new ReftableError("a block is cut off");
  const cursor = reader.from(at);
  let name = "";
  while (cursor.at < records) {
    const prefix = cursor.varint();
    const suffix = cursor.varint();
    if (prefix > name.length) throw new ReftableError("a name is damaged");
    name = name.slice(0, prefix) + cursor.text(Math.floor(suffix / 8));
    cursor.varint();
    into.push({ name, value: readValue(cursor, suffix % 8, oidLength) });
  }
}

function readValue(cursor: Cursor, type: number, oidLength: number): RefRecord["value"] {
  if (type === 0) return null;
  if (type === 3) return { target: cursor.text(cursor.varint()) };
  if (type !== 1 && type !== 2) throw new ReftableError(`a ref is of type ${type}`);
  const oid = cursor.hex(oidLength);
  // the object that a tag points to
  if (type === 2) cursor.hex(oidLength);
  return { oid };
}

class Bytes {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  byte(at: number): number {
    return this.uint(at, 1);
  }

  uint(at: number, size: number): number {
    this.#check(at, size);
    return this.#bytes.readUIntBE(at, size);
  }

  text(at: number, size: number): string {
    this.#check(at, size);
    return this.#bytes.toString("latin1", at, at + size);
  }

  hex(at: number, size: number): string {
    this.#check(at, size);
    return this.#bytes.toString("hex", at, at + size);
  }

  from(at: number): Cursor {
    return new Cursor(this, at);
  }

  #check(at: number, size: number): void {
    if (at < 0 || at + size > this.#bytes.length) throw new ReftableError("it is cut off");
  }
}

class Cursor {
  readonly #bytes: Bytes;
  at: number;

  constructor(bytes: Bytes, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** Like ofs-delta in packs: seven bits per byte, with one added for each further byte. */
  varint(): number {
    let value = 0;
    for (let size = 0; size < 7; size++) {
      const byte = this.#bytes.byte(this.at++);
      value = value * 128 + (byte & 0x7f);
      if (byte < 0x80) return value;
      value += 1;
    }
    throw new ReftableError("a number is too large");
  }

  text(size: number): string {
    this.at += size;
    return this.#bytes.text(this.at - size, size);
  }

  hex(size: number): string {
    this.at += size;
    return this.#bytes.hex(this.at - size, size);
  }
}
