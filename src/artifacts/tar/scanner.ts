/**
 * Reads a tar stream as it passes: chunks of any size go in, entries and the bytes that belong to them come out at
 * once, nothing is kept but the header that is being put together. The stream is a stranger's: names that leave the
 * root, numbers that do not fit and oversized extensions are refused.
 */
import {
  blockSize,
  isZeroBlock,
  parseHeader,
  type TarEntry,
  TarError,
  type TarHeader,
  type TarKind,
} from "./header.ts";
import { checkName } from "./names.ts";
import { parsePax } from "./pax.ts";

/** Called in stream order. Chunks may be views of the pushed ones: copy what is kept. */
export type TarSink = {
  /** @param head all header blocks of this entry as they came, extensions included */
  entry(entry: TarEntry, head: readonly Uint8Array[]): void;
  /** content of the present entry */
  data(chunk: Uint8Array): void;
  /** zeros that fill up the content's last block */
  padding(chunk: Uint8Array): void;
};

/** Bytes of pax or GNU extensions before one header, their own headers included. */
const maxExtension = 1024 * 1024;

const kinds: Record<string, TarKind> = {
  "0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "folder",
  "6": "fifo",
};

type Extension = { type: string; left: number; size: number; parts: Uint8Array[] };

export class TarScanner {
  readonly #sink: TarSink;
  readonly #partial = new Uint8Array(blockSize);
  #partialLength = 0;
  #head: Uint8Array[] = [];
  #pax = new Map<string, string>();
  #extension: Extension | null = null;
  #extensionBytes = 0;
  #content = 0;
  #padding = 0;
  #zeroBlocks = 0;
  #entries = 0;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  /** True once the end marker was seen; what follows is ignored. */
  get ended(): boolean {
    return this.#zeroBlocks >= 2;
  }

  get entries(): number {
    return this.#entries;
  }

  /** @throws TarError */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.ended) at += this.#step(at === 0 ? chunk : chunk.subarray(at));
  }

  /** To be called when the stream is over. @throws TarError when it was cut short */
  finish(): void {
    const open = this.#content + this.#padding + this.#partialLength + this.#head.length;
    if (open > 0) throw new TarError("it is cut short");
    if (this.#zeroBlocks === 0) throw new TarError("it has no end marker");
  }

  /** Takes what it can of `rest`; the answer is how many bytes that was. */
  #step(rest: Uint8Array): number {
    if (this.#content > 0) return this.#takeContent(rest);
    if (this.#padding > 0) return this.#takePadding(rest);
    if (this.#partialLength === 0 && rest.length >= blockSize) {
      this.#block(rest.subarray(0, blockSize));
      return blockSize;
    }
    const taken = Math.min(blockSize - this.#partialLength, rest.length);
    this.#partial.set(rest.subarray(0, taken), this.#partialLength);
    this.#partialLength += taken;
    if (this.#partialLength === blockSize) {
      this.#partialLength = 0;
      this.#block(this.#partial.slice());
    }
    return taken;
  }

  #takeContent(rest: Uint8Array): number {
    const part = rest.subarray(0, Math.min(rest.length, this.#content));
    this.#content -= part.length;
    this.#sink.data(part);
    return part.length;
  }

  #takePadding(rest: Uint8Array): number {
    const part = rest.subarray(0, Math.min(rest.length, this.#padding));
    this.#padding -= part.length;
    this.#sink.padding(part);
    return part.length;
  }

  #block(block: Uint8Array): void {
    if (this.#extension) return this.#extend(this.#extension, block);
    if (isZeroBlock(block)) {
      if (this.#head.length > 0) throw new TarError("an extension is followed by nothing");
      this.#zeroBlocks++;
      return;
    }
    if (this.#zeroBlocks > 0) throw new TarError("there is a lone empty block in it");
    const header = parseHeader(block);
    if ("xgLK".includes(header.type)) this.#beginExtension(header, block);
    else this.#entry(header, block);
  }

  #beginExtension({ type, size }: TarHeader, block: Uint8Array): void {
    // What waits for the header it belongs to outlives the pushed chunk, so it is copied.
    this.#head.push(block.slice());
    this.#extensionBytes += blockSize + size;
    if (this.#extensionBytes > maxExtension) throw new TarError("an entry's extensions are too large");
    if (size > 0) this.#extension = { type, size, left: size, parts: [] };
  }

  #extend(extension: Extension, block: Uint8Array): void {
    const kept = block.slice();
    this.#head.push(kept);
    extension.parts.push(kept.subarray(0, Math.min(blockSize, extension.left)));
    extension.left -= blockSize;
    if (extension.left > 0) return;
    this.#extension = null;
    const body = concat(extension.parts);
    if (extension.type === "x") for (const [key, value] of checkPax(parsePax(body))) this.#pax.set(key, value);
    else if (extension.type === "g") checkGlobal(parsePax(body));
    else if (extension.type === "L") this.#pax.set("path", cString(body));
    else if (extension.type === "K") this.#pax.set("linkpath", cString(body));
  }

  #entry(header: TarHeader, block: Uint8Array): void {
    const entry = toEntry(header, this.#pax);
    const head = [...this.#head, block];
    this.#head = [];
    this.#pax = new Map();
    this.#extensionBytes = 0;
    this.#content = entry.size;
    this.#padding = (blockSize - (entry.size % blockSize)) % blockSize;
    this.#entries++;
    this.#sink.entry(entry, head);
  }
}

function checkPax(records: Map<string, string>): Map<string, string> {
  for (const key of records.keys()) {
    if (key.startsWith("GNU.sparse.")) throw new TarError("it holds sparse files; write it without --sparse");
  }
  return records;
}

/** Global records that rename or resize every later entry are read differently by different programs. */
function checkGlobal(records: Map<string, string>): void {
  for (const key of checkPax(records).keys()) {
    if (["path", "linkpath", "size"].includes(key)) throw new TarError(`a global pax header sets ${key}`);
  }
}

function toEntry(header: TarHeader, pax: Map<string, string>): TarEntry {
  const name = (pax.get("path") ?? header.name).replace(/\/+$/, "");
  const kind = kinds[header.type];
  if (!kind) throw new TarError(`${show(name)} is of an unknown type`);
  const hasContent = kind === "file";
  const size = paxNumber(pax, "size") ?? header.size;
  if (!hasContent && size !== 0) throw new TarError(`${show(name)} has content but is no file`);
  const link = kind === "hardlink" || kind === "symlink" ? (pax.get("linkpath") ?? header.link) : "";
  checkName(name, kind, link);
  const uid = paxNumber(pax, "uid") ?? header.uid;
  const gid = paxNumber(pax, "gid") ?? header.gid;
  return { name, kind, mode: header.mode, uid, gid, size, mtime: header.mtime, link };
}

function paxNumber(pax: Map<string, string>, key: string): number | undefined {
  const text = pax.get(key);
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new TarError(`a pax ${key} is no number`);
  return value;
}

function cString(body: Uint8Array): string {
  const end = body.indexOf(0);
  return new TextDecoder().decode(end < 0 ? body : body.subarray(0, end));
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function show(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}
