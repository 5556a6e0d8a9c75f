/** Writes pages of guest memory to a file: adjacent pages in one write, pages of zeros not at all. */
import { pageBytes } from "../../wire/qmp/migration-stream.ts";

export type WriteAt = (offset: number, bytes: Uint8Array) => Promise<void>;

const batchBytes = 1024 * 1024;

type Run = { offset: number; from: number; length: number };
type Batch = { bytes: Uint8Array; used: number; runs: Run[] };

export class PageRuns {
  readonly #writeAt: WriteAt;
  /** one bit per page: whether it was passed with content */
  readonly #given: Uint8Array;
  readonly #free: Uint8Array[] = [];
  #batch: Batch | null = null;
  #waiting = 0;
  #tail: Promise<void> = Promise.resolve();

  constructor(memoryBytes: number, writeAt: WriteAt) {
    this.#writeAt = writeAt;
    this.#given = new Uint8Array(Math.ceil(memoryBytes / pageBytes / 8));
  }

  /** Bytes that wait to be written. */
  get backlog(): number {
    return this.#waiting * batchBytes;
  }

  /** Copies the page. */
  page(offset: number, page: Uint8Array): void {
    const at = offset / pageBytes;
    this.#given[at >> 3] = (this.#given[at >> 3] ?? 0) | (1 << (at & 7));
    this.#batch ??= { bytes: this.#free.pop() ?? new Uint8Array(batchBytes), used: 0, runs: [] };
    this.#add(this.#batch, offset, page);
  }

  /** Written only if the page had content before. */
  zeroPage(offset: number): void {
    const at = offset / pageBytes;
    if (((this.#given[at >> 3] ?? 0) >> (at & 7)) & 1) this.page(offset, zeros);
  }

  /** Resolves when all batches that are full by now are written. @throws the first write error */
  written(): Promise<void> {
    return this.#tail;
  }

  /** Resolves when all is written. @throws as `written` */
  finish(): Promise<void> {
    if (this.#batch) this.#send(this.#batch);
    return this.#tail;
  }

  #add(batch: Batch, offset: number, page: Uint8Array): void {
    const last = batch.runs.at(-1);
    if (last && last.offset + last.length === offset) last.length += pageBytes;
    else batch.runs.push({ offset, from: batch.used, length: pageBytes });
    batch.bytes.set(page, batch.used);
    batch.used += pageBytes;
    if (batch.used === batchBytes) this.#send(batch);
  }

  #send({ bytes, runs }: Batch): void {
    this.#batch = null;
    this.#waiting++;
    this.#tail = this.#tail.then(async () => {
      for (const { offset, from, length } of runs) await this.#writeAt(offset, bytes.subarray(from, from + length));
      this.#waiting--;
      this.#free.push(bytes);
    });
    this.#tail.catch(() => {});
  }
}

const zeros = new Uint8Array(pageBytes);
