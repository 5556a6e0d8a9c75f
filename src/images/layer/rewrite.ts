/** Small files whose content is changed on their way into a layer. */
import type { TarEntry } from "../../formats/tar/header.ts";

export type Rewrite = {
  /** by a file's path; those of more than 8 MiB stay as they are */
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

/** Stands before the packer: entries, content and padding go through it in their order. */
export class Rewriter implements Out {
  readonly #out: Out;
  readonly #rewrite: Rewrite | undefined;
  /** the present file, when it is one of those */
  #held: { entry: TarEntry; chunks: Uint8Array[] } | null = null;

  constructor(out: Out, rewrite: Rewrite | undefined) {
    this.#out = out;
    this.#rewrite = rewrite;
  }

  entry(entry: TarEntry): void {
    const isHeld = entry.kind === "file" && entry.size <= maxRewritten && this.#rewrite?.isChanged(entry.name);
    if (isHeld) this.#held = { entry, chunks: [] };
    else this.#out.entry(entry);
  }

  data(chunk: Uint8Array): void {
    if (this.#held) this.#held.chunks.push(chunk.slice());
    else this.#out.data(chunk);
  }

  hole(bytes: number): void {
    if (this.#held) this.#held.chunks.push(new Uint8Array(bytes));
    else this.#out.hole(bytes);
  }

  /** Ends the present file. */
  pad(size: number): void {
    const held = this.#held;
    if (!held || !this.#rewrite) return this.#out.pad(size);
    this.#held = null;
    const content = this.#rewrite.change(Buffer.concat(held.chunks), held.entry.name);
    this.#out.entry({ ...held.entry, size: content.length });
    this.#out.data(content);
    this.#out.pad(content.length);
  }
}
