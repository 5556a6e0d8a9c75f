/**
 * Reads a tar stream as it passes: chunks of any size go in, entries and the bytes that belong to them come out at
 * once, nothing is kept but the header that is being put together. The stream is a stranger's: names are taken as paths
 * inside the root, numbers that do not fit and oversized extensions are refused.
 */
import { dumpedFolder, paxSparse, type Sparse, toEntry } from "./entry.ts";
import {
  blockSize,
  byteString,
  isHeader,
  isZeroBlock,
  number,
  parseHeader,
  type TarEntry,
  TarError,
  type TarHeader,
} from "./header.ts";
import { parsePax } from "./pax.ts";
import { readGnuMap, SparseContent } from "./sparse.ts";

/** Called in stream order. Chunks may be views of the pushed ones: copy what is kept. */
export type TarSink = {
  /** @param head all header blocks of this entry as they came, extensions included; of no use for sparse files and dumped folders */
  entry(entry: TarEntry, head: readonly Uint8Array[]): void;
  /** content of the present entry */
  data(chunk: Uint8Array): void;
  /** zeros of the present entry's content, of a sparse file; without this they come as `data` */
  hole?(bytes: number): void;
  /** zeros that fill up the content's last block */
  padding(chunk: Uint8Array): void;
};

/** What one stream may have, whatever is in it; a stranger's compressed stream has as much as it likes. */
export type TarLimits = {
  /** entries of every kind */
  entries: number;
  /** bytes of the stream: headers, content and padding */
  bytes: number;
  /** bytes after the end marker; default `maxTail` */
  tail?: number;
};

/**
 * What a stream must come to at least: its end marker; or, as GNU tar has it, the end of its last block; or, as Go's archive/tar
 * has it, the end of its last content, for streams that are held to a digest.
 */
export type TarEnd = "marker" | "block" | "content";

/** Bytes that may follow the end marker: writers fill up their last record, which GNU tar makes 10 KiB by default. */
export const maxTail = 1024 * 1024;

/** Bytes of pax or GNU extensions before one header, their own headers included. */
const maxExtension = 1024 * 1024;

/** The type of an archive's label, which is no member (GNU tar's `--label`). */
const volumeLabel = "V";

/** Records that stand for a field of the header. */
const headerKeys = new Set(["path", "linkpath", "size", "uid", "gid", "mtime"]);

type Unfinished = { header: TarHeader; block: Uint8Array; sparse: Sparse };

type Extension = { type: string; left: number; size: number; parts: Uint8Array[] };

export class TarScanner {
  readonly #sink: TarSink;
  readonly #limits: Required<TarLimits>;
  readonly #partial = new Uint8Array(blockSize);
  #partialLength = 0;
  #head: Uint8Array[] = [];
  #pax = new Map<string, string>();
  #extension: Extension | null = null;
  #extensionBytes = 0;
  #content = 0;
  /** the present content is no file's, and is passed over */
  #isIgnored = false;
  #sparse: SparseContent | null = null;
  /** an old GNU header whose map goes on in the next block */
  #unfinished: Unfinished | null = null;
  #padding = 0;
  #zeroBlocks = 0;
  #entries = 0;
  #bytes = 0;
  #tail = 0;

  constructor(sink: TarSink, limits: TarLimits) {
    this.#sink = sink;
    this.#limits = { tail: maxTail, ...limits };
  }

  /** True once the end marker was seen; what follows is counted and ignored. */
  get ended(): boolean {
    return this.#zeroBlocks >= 2;
  }

  get entries(): number {
    return this.#entries;
  }

  /** @throws TarError also for a stream that passes one of its limits */
  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limits.bytes) throw new TarError("it is too large");
    let at = 0;
    while (at < chunk.length && !this.ended) at += this.#step(at === 0 ? chunk : chunk.subarray(at));
    this.#tail += chunk.length - at;
    if (this.#tail > this.#limits.tail) throw new TarError("too much follows its end marker");
  }

  /** To be called when the stream is over. @throws TarError when it was cut short */
  finish(end: TarEnd = "marker"): void {
    const padding = end === "content" ? 0 : this.#padding;
    const open = this.#content + this.#partialLength + this.#head.length + padding;
    if (this.#bytes > 0 && this.#bytes < blockSize) throw new TarError("it is not a tar archive");
    if (open > 0 || this.#unfinished) throw new TarError("it is cut short");
    if (end === "marker" && this.#zeroBlocks === 0) throw new TarError("it has no end marker");
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
    if (this.#sparse) this.#sparse.push(part);
    else if (!this.#isIgnored) this.#sink.data(part);
    if (this.#content === 0) this.#endSparse();
    return part.length;
  }

  #endSparse(): void {
    this.#sparse?.finish();
    this.#sparse = null;
  }

  #takePadding(rest: Uint8Array): number {
    const part = rest.subarray(0, Math.min(rest.length, this.#padding));
    this.#padding -= part.length;
    if (!this.#isIgnored) this.#sink.padding(part);
    return part.length;
  }

  #block(block: Uint8Array): void {
    if (this.#extension) return this.#extend(this.#extension, block);
    if (this.#unfinished) return this.#continueMap(this.#unfinished, block);
    if (isZeroBlock(block)) {
      if (this.#head.length > 0) throw new TarError("an extension is followed by nothing");
      this.#zeroBlocks++;
      return;
    }
    if (this.#zeroBlocks > 0) throw new TarError("there is a lone empty block in it");
    const header = this.#header(block);
    if ("xgLK".includes(header.type)) this.#beginExtension(header, block);
    else if (header.type === volumeLabel) this.#beginContent(header.size, true);
    else if (header.type === "S") this.#beginMap(header, block);
    else this.#entry(header, block, paxSparse(this.#pax));
  }

  #header(block: Uint8Array): TarHeader {
    if (this.#entries === 0 && this.#head.length === 0 && !isHeader(block))
      throw new TarError("it is not a tar archive");
    return parseHeader(block);
  }

  /** Old GNU: four parts in the header, 21 in each block that follows. */
  #beginMap(header: TarHeader, block: Uint8Array): void {
    const sparse: Sparse = { parts: [], size: number(block, 483, 12, "sparse size"), name: null };
    const more = readGnuMap(block, 386, 4, sparse.parts ?? []);
    if (more) this.#unfinished = { header, block: block.slice(), sparse };
    else this.#entry(header, block, sparse);
  }

  #continueMap({ header, block: first, sparse }: Unfinished, block: Uint8Array): void {
    if (readGnuMap(block, 0, 21, sparse.parts ?? [])) return;
    this.#unfinished = null;
    this.#entry(header, first, sparse);
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
    if (extension.type === "x") this.#addPax(parsePax(body));
    else if (extension.type === "g") checkGlobal(parsePax(body));
    else if (extension.type === "L") this.#pax.set("path", cString(body));
    else if (extension.type === "K") this.#pax.set("linkpath", cString(body));
  }

  /** An empty value of a header's field takes back what was said before it (POSIX.1-2017, pax). */
  #addPax(records: ReadonlyMap<string, string>): void {
    for (const [key, value] of records) {
      if (value === "" && headerKeys.has(key)) this.#pax.delete(key);
      else this.#pax.set(key, value);
    }
  }

  #beginContent(stored: number, isIgnored: boolean): void {
    this.#head = [];
    this.#pax = new Map();
    this.#extensionBytes = 0;
    this.#content = stored;
    this.#padding = (blockSize - (stored % blockSize)) % blockSize;
    this.#isIgnored = isIgnored;
  }

  #entry(header: TarHeader, block: Uint8Array, sparse: Sparse | null): void {
    const { entry, stored } = toEntry(header, this.#pax, sparse);
    const head = [...this.#head, block];
    this.#beginContent(stored, header.type === dumpedFolder);
    if (++this.#entries > this.#limits.entries) throw new TarError("it contains too many files");
    this.#sink.entry(entry, head);
    if (!sparse) return;
    this.#sparse = new SparseContent(sparse.size, sparse.parts, this.#sink);
    if (stored === 0) this.#endSparse();
  }
}

/** Global records that rename or resize every later entry are read differently by different programs. */
function checkGlobal(records: Map<string, string>): void {
  for (const key of records.keys()) {
    if (["path", "linkpath", "size"].includes(key) || key.startsWith("GNU.sparse.")) {
      throw new TarError(`a global pax header sets ${key.slice(0, 40)}`);
    }
  }
}

function cString(body: Uint8Array): string {
  const end = body.indexOf(0);
  return byteString(end < 0 ? body : body.subarray(0, end));
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
