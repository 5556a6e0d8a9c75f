/**
 * Reads GNU tar's sparse members: only the parts between the holes are stored, and a map gives their offsets (GNU tar
 * manual, "Sparse Formats": old GNU, PAX 0.0, 0.1 and 1.0). The content is emitted complete, holes as zeros.
 */
import { blockSize, number, TarError } from "./header.ts";

type Sink = { data(chunk: Uint8Array): void; hole?(bytes: number): void };
type Part = { offset: number; length: number };

const maxParts = 100_000;
/** Shared: receivers must not write to it. */
const zeros = new Uint8Array(256 * 1024);

/**
 * Reads the parts in one block of the old GNU format. @param at offset of the first @returns true if another block
 * follows
 */
export function readGnuMap(block: Uint8Array, at: number, count: number, parts: Part[]): boolean {
  for (let i = 0; i < count; i++) {
    const start = at + i * 24;
    if (block[start] === 0) break;
    parts.push({ offset: number(block, start, 12, "sparse map"), length: number(block, start + 12, 12, "sparse map") });
  }
  if (parts.length > maxParts) throw new TarError("a sparse file has too many parts");
  return block[at + count * 24] === 1;
}

/** `offset,length,offset,length`. */
export function readPaxMap(text: string): Part[] {
  const numbers = text === "" ? [] : text.split(",").map(natural);
  if (numbers.length % 2 === 1 || numbers.length > 2 * maxParts) throw new TarError("a sparse map is invalid");
  const parts: Part[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    parts.push({ offset: numbers[i] as number, length: numbers[i + 1] as number });
  }
  return parts;
}

/** Expands a member's stored bytes into its content. */
export class SparseContent {
  readonly #size: number;
  readonly #sink: Sink;
  #parts: Part[] | null;
  #map = new MapReader();
  #next = 0;
  #inPart = 0;
  #written = 0;

  /** @param size bytes of the whole content @param parts null if the stored bytes begin with the map (PAX 1.0) */
  constructor(size: number, parts: Part[] | null, sink: Sink) {
    this.#size = size;
    this.#sink = sink;
    this.#parts = parts && checked(parts, size);
  }

  /** @throws TarError if there are more bytes than in the map */
  push(chunk: Uint8Array): void {
    let rest = chunk;
    if (!this.#parts) {
      rest = rest.subarray(this.#map.push(rest));
      if (!this.#map.parts) return;
      this.#parts = checked(this.#map.parts, this.#size);
    }
    while (rest.length > 0) {
      const part = this.#parts[this.#next];
      if (!part) throw new TarError("a sparse file is longer than its map says");
      this.#hole(part.offset);
      const piece = rest.subarray(0, part.length - this.#inPart);
      if (piece.length > 0) this.#sink.data(piece);
      this.#written += piece.length;
      this.#inPart += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#inPart === part.length) {
        this.#inPart = 0;
        this.#next++;
      }
    }
  }

  /** Emits the last hole. @throws TarError if stored bytes are missing */
  finish(): void {
    const parts = this.#parts;
    if (!parts) throw new TarError("a sparse map is cut short");
    while (this.#inPart === 0 && parts[this.#next]?.length === 0) this.#next++;
    if (this.#next < parts.length) throw new TarError("a sparse file is shorter than its map says");
    this.#hole(this.#size);
  }

  #hole(end: number): void {
    if (this.#written >= end) return;
    const bytes = end - this.#written;
    this.#written = end;
    if (this.#sink.hole) return this.#sink.hole(bytes);
    for (let left = bytes; left > 0; left -= zeros.length) this.#sink.data(zeros.subarray(0, left));
  }
}

/**
 * Reads the map before the content: a count, then offset and length of each part, one decimal number per line, padded
 * to whole blocks.
 */
class MapReader {
  parts: Part[] | null = null;
  #text = "";
  #numbers: number[] = [];
  #bytes = 0;

  /** @returns how many bytes of `chunk` belong to the map */
  push(chunk: Uint8Array): number {
    for (let at = 0; at < chunk.length; at++) {
      if (this.#isWhole && this.#bytes % blockSize === 0) {
        this.parts = this.#pairs();
        return at;
      }
      this.#bytes++;
      if (!this.#isWhole) this.#take(String.fromCharCode(chunk[at] as number));
    }
    if (this.#isWhole && this.#bytes % blockSize === 0) this.parts = this.#pairs();
    return chunk.length;
  }

  get #isWhole(): boolean {
    return this.#numbers.length === 1 + 2 * (this.#numbers[0] ?? 0);
  }

  #take(character: string): void {
    if (character !== "\n") {
      this.#text += character;
      if (this.#text.length > 16) throw new TarError("a sparse map is invalid");
      return;
    }
    this.#numbers.push(natural(this.#text));
    this.#text = "";
    if ((this.#numbers[0] as number) > maxParts) throw new TarError("a sparse file has too many parts");
  }

  #pairs(): Part[] {
    return readPaxMap(this.#numbers.slice(1).join(","));
  }
}

function checked(parts: Part[], size: number): Part[] {
  let end = 0;
  for (const { offset, length } of parts) {
    if (offset < end || offset + length > size) throw new TarError("a sparse map is out of order");
    end = offset + length;
  }
  return parts;
}

function natural(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new TarError("a sparse map is invalid");
  return value;
}
