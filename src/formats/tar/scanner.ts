/**
 * Reads a tar stream as it passes: takes chunks of any size and emits entries and their bytes at once; it keeps nothing
 * but the header that is being assembled. The stream is untrusted: names are confined to the root, invalid numbers and
 * oversized extensions are refused.
 */
import { concat } from "../concat.ts";
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

/** Called in stream order. Chunks can be views of the pushed ones: copy what you keep. */
export type TarSink = {
  /**
   * @param head all header blocks of this entry, unchanged, with extensions; not useful for sparse files and dumped
   * folders
   */
  entry(entry: TarEntry, head: readonly Uint8Array[]): void;
  /** content of the current entry */
  data(chunk: Uint8Array): void;
  /** zeros in the current entry's content, for sparse files; if absent they are passed to `data` */
  hole?(bytes: number): void;
  /** zeros that fill the content's last block */
  padding(chunk: Uint8Array): void;
};

/** Limits of one stream; a compressed stream from an untrusted source can unpack to any size. */
export type TarLimits = {
  /** entries of every kind */
  entries: number;
  /** bytes of the stream: headers, content and padding */
  bytes: number;
  /** bytes after the end marker; default `maxTail` */
  tail?: number;
};

/**
 * Where a complete stream may end: after its end marker; or, as GNU tar accepts, after its last block; or, as Go's
 * archive/tar accepts, after its last content, for streams that are checked against a digest.
 */
export type TarEnd = "marker" | "block" | "content";

/** Bytes allowed after the end marker: writers fill their last record, 10 KiB by default in GNU tar. */
export const maxTail = 1024 * 1024;

/** Most bytes of pax or GNU extensions before one header, including their own headers. */
const maxExtension = 1024 * 1024;

/** The type flag of an archive's label, which is not a member (GNU tar's `--label`). */
const volumeLabel = "V";

/** Records that override a field of the header. */
const headerKeys = new Set(["path", "linkpath", "size", "uid", "gid", "mtime"]);

type Unfinished = { header: TarHeader; block: Uint8Array; sparse: Sparse };

type Extension = { type: string; left: number; size: number; parts: Uint8Array[] };

export class TarScanner {
  readonly #sink: TarSink;
  readonly #limits: Required<TarLimits>;
  readonly #allowsLineBreaks: boolean;
  readonly #partial = new Uint8Array(blockSize);
  #partialLength = 0;
  #head: Uint8Array[] = [];
  #pax = new Map<string, string>();
  #extension: Extension | null = null;
  #extensionBytes = 0;
  #content = 0;
  /** the current content does not belong to a file and is skipped */
  #isIgnored = false;
  #sparse: SparseContent | null = null;
  /** an old GNU header whose map continues in the next block */
  #unfinished: Unfinished | null = null;
  #padding = 0;
  #zeroBlocks = 0;
  #entries = 0;
  #bytes = 0;
  #tail = 0;

  /** @param allowsLineBreaks in names: refused by default, because tools that read lists of names would split them */
  constructor(sink: TarSink, limits: TarLimits, allowsLineBreaks = false) {
    this.#sink = sink;
    this.#limits = { tail: maxTail, ...limits };
    this.#allowsLineBreaks = allowsLineBreaks;
  }

  /** True once the end marker was seen; the rest is counted and ignored. */
  get ended(): boolean {
    return this.#zeroBlocks >= 2;
  }

  get entries(): number {
    return this.#entries;
  }

  /** @throws TarError, also if the stream exceeds a limit */
  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limits.bytes) throw new TarError("it is too large");
    let at = 0;
    while (at < chunk.length && !this.ended) at += this.#step(at === 0 ? chunk : chunk.subarray(at));
    this.#tail += chunk.length - at;
    if (this.#tail > this.#limits.tail) throw new TarError("too much follows its end marker");
  }

  /** Call it at the end of the stream. @throws TarError if the stream was cut short */
  finish(end: TarEnd = "marker"): void {
    const padding = end === "content" ? 0 : this.#padding;
    const open = this.#content + this.#partialLength + this.#head.length + padding;
    if (this.#bytes > 0 && this.#bytes < blockSize) throw new TarError("it is not a tar archive");
    if (open > 0 || this.#unfinished) throw new TarError("it is cut short");
    if (end === "marker" && this.#zeroBlocks === 0) throw new TarError("it has no end marker");
  }

  /** Processes the beginning of `rest`. @returns the number of bytes processed */
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
      if (this.#head.length > 0) throw new TarError("an extension has no header after it");
      this.#zeroBlocks++;
      return;
    }
    if (this.#zeroBlocks > 0) throw new TarError("it contains a single zero block");
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

  /** Old GNU format: four parts in the header, 21 in each block that follows. */
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
    // Extensions outlive the pushed chunk, so they are copied.
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

  /** An empty value of a header field cancels an earlier one (POSIX.1-2017, pax). */
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
    const { entry, stored } = toEntry(header, this.#pax, sparse, this.#allowsLineBreaks);
    const head = [...this.#head, block];
    this.#beginContent(stored, header.type === dumpedFolder);
    if (++this.#entries > this.#limits.entries) throw new TarError("it contains too many files");
    this.#sink.entry(entry, head);
    if (!sparse) return;
    this.#sparse = new SparseContent(sparse.size, sparse.parts, this.#sink);
    if (stored === 0) this.#endSparse();
  }
}

/** Programs disagree on global records that rename or resize all later entries. */
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
