/** Changes the content of small files on their way into a layer. */
import type { TarEntry } from "../../formats/tar/header.ts";

export type Rewrite = {
  /** by a file's path; files over 8 MiB stay as they are */
  isChanged(path: string): boolean;
  change(content: Uint8Array, path: string): Uint8Array;
};

const maxRewritten = 8 * 1024 * 1024;

type Out = {
  entry(entry: TarEntry): void;
  data(chunk: Uint8Array): void;
  hole(bytes: number): void;
  pad(size: number): void;
};

/** Sits in front of the packer: entries, content and padding pass through it in order. */
export class Rewriter implements Out {
  readonly #out: Out;
  readonly #rewrite: Rewrite | undefined;
  /** the current file, if it is one to change */
  #buffered: { entry: TarEntry; chunks: Uint8Array[] } | null = null;

  constructor(out: Out, rewrite: Rewrite | undefined) {
    this.#out = out;
    this.#rewrite = rewrite;
  }

  entry(entry: TarEntry): void {
    const isBuffered = entry.kind === "file" && entry.size <= maxRewritten && this.#rewrite?.isChanged(entry.name);
    if (isBuffered) this.#buffered = { entry, chunks: [] };
    else this.#out.entry(entry);
  }

  data(chunk: Uint8Array): void {
    if (this.#buffered) this.#buffered.chunks.push(chunk.slice());
    else this.#out.data(chunk);
  }

  hole(bytes: number): void {
    if (this.#buffered) this.#buffered.chunks.push(new Uint8Array(bytes));
    else this.#out.hole(bytes);
  }

  /** Ends the current file. */
  pad(size: number): void {
    const buffered = this.#buffered;
    if (!buffered || !this.#rewrite) return this.#out.pad(size);
    this.#buffered = null;
    const content = this.#rewrite.change(Buffer.concat(buffered.chunks), buffered.entry.name);
    this.#out.entry({ ...buffered.entry, size: content.length });
    this.#out.data(content);
    this.#out.pad(content.length);
  }
}
