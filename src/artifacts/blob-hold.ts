/** Keeps the blobs that one operation reads: none is removed by another operation that uses the same digest. */
import type { Digest } from "../base/names.ts";
import { type HeldFile, holdFile } from "../host/files/shared-file.ts";
import type { BlobWanted, Downloads, OpenPart } from "./download.ts";

export class BlobHold {
  readonly #downloads: Downloads;
  readonly #counts: Map<Digest, number>;
  readonly #digests = new Set<Digest>();
  readonly #files: HeldFile[] = [];
  #isReleased = false;

  /** @param counts number of holds per digest in this process; shared by all */
  constructor(downloads: Downloads, counts: Map<Digest, number>) {
    this.#downloads = downloads;
    this.#counts = counts;
  }

  /** As `Downloads.blob`; the file stays until `release`. */
  async blob(
    wanted: BlobWanted,
    open: OpenPart,
    onProgress: (done: number) => void,
    signal: AbortSignal,
  ): Promise<string> {
    // counted before the file exists, so that nothing in this process removes it before its reader opens it
    this.#count(wanted.digest);
    for (;;) {
      const path = await this.#downloads.blob(wanted, open, onProgress, signal);
      signal.throwIfAborted();
      const file = await holdFile(path);
      if (file) {
        if (this.#isReleased) await file.close();
        else this.#files.push(file);
        return path;
      }
    }
  }

  /** Call it when the last reader is done. @param discard removed, except those that others still use */
  async release(discard: readonly Digest[] = []): Promise<void> {
    this.#isReleased = true;
    for (const digest of this.#digests) this.#uncount(digest);
    this.#digests.clear();
    await Promise.all(this.#files.splice(0).map((file) => file.close()));
    await this.#downloads.discard(discard);
  }

  #count(digest: Digest): void {
    if (this.#isReleased || this.#digests.has(digest)) return;
    this.#digests.add(digest);
    this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
  }

  #uncount(digest: Digest): void {
    const left = (this.#counts.get(digest) ?? 1) - 1;
    if (left === 0) this.#counts.delete(digest);
    else this.#counts.set(digest, left);
  }
}
