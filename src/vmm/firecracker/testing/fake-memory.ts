/** The pages of the fake guest's memory, and those that a save of type `Diff` writes. Pure. */
import type { Memory } from "./fake-guest.ts";

const pageBytes = 4096;

/** The first page has all but the notes, of which each has one of its own; the rest of the memory is zeros. */
export function pagesOf({ notes, ...rest }: Memory): Buffer[] {
  return [rest, ...Object.entries(notes)].map((content) => {
    const page = Buffer.alloc(pageBytes);
    page.write(JSON.stringify(content));
    return page;
  });
}

export function memoryOf(bytes: Buffer): Memory {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length && bytes[at] !== 0; at += pageBytes)
    texts.push(bytes.subarray(at, bytes.indexOf(0, at)).toString());
  const [first = "", ...notes] = texts;
  return { ...JSON.parse(first), notes: Object.fromEntries(notes.map((note) => JSON.parse(note))) };
}

/** What the VM was made from. */
export type Origin = "booted" | "loaded" | /** with `track_dirty_pages` */ "tracked";

export class DirtyPages {
  /** as of the load or the last save */
  #counted: Buffer[] = [];
  /** mincore(2) says that every page is in memory: it was read, or is in the host's cache of the file */
  #isResident: boolean;
  readonly #origin: Origin;

  constructor(origin: Origin, memory: Memory) {
    this.#origin = origin;
    this.#isResident = origin !== "booted";
    if (origin !== "booted") this.#counted = pagesOf(memory);
  }

  /** Numbers of the pages that `Diff` writes, of `total`. */
  dirty(pages: readonly Buffer[], total: number): number[] {
    if (this.#origin === "tracked")
      return [...pages.keys()].filter((index) => !this.#counted[index]?.equals(pages[index] as Buffer));
    return [...(this.#isResident ? Array(total) : pages).keys()];
  }

  /** After a save. */
  count(pages: Buffer[], type: string): void {
    this.#counted = pages;
    if (type === "Full") this.#isResident = true;
  }
}

/** A page's bytes, and its place in the file of a save. */
export function pageAt(pages: readonly Buffer[], index: number): { bytes: Buffer; at: number } {
  return { bytes: pages[index] ?? Buffer.alloc(pageBytes), at: index * pageBytes };
}
