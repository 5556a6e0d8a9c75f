/**
 * Blobs: files named by their digest. What is half fetched goes on where it broke off, also after a restart; only what has
 * the right length and digest gets its name.
 */
import { createHash, type Hash } from "node:crypto";
import { BangerError, fail } from "../base/errors/error.ts";
import type { Digest } from "../base/names.ts";
import { SharedWork } from "../base/shared-work.ts";
import { type AppendFile, appendTo } from "../host/append-file.ts";
import { ensureFolder, exists, isDiskFull, readStream, removeTree, renameDurable, sizeOf } from "../host/files.ts";
import type { Paths } from "../model/paths.ts";
import { type Pause, Retries, TransientError } from "./retry.ts";

/** Bytes from one place on. */
export type Part = {
  /** of the first byte that `body` has */
  from: number;
  /** of the whole; null: it isn't said */
  total: number | null;
  body: AsyncIterable<Uint8Array>;
};

/** Asks for what begins at `from`; it may begin at 0 all the same. @throws TransientError where asking again may help */
export type OpenPart = (from: number, signal: AbortSignal) => Promise<Part>;

export type BlobWanted = {
  digest: Digest;
  /** bytes; null: unknown, and at most `limit` */
  size: number | null;
  limit: number;
  /** for messages */
  what: string;
};

export type DownloadDeps = { paths: Pick<Paths, "blobs" | "blob" | "blobPart">; pause: Pause };

const during = "downloading";

export class Downloads {
  readonly #deps: DownloadDeps;
  readonly #shared = new SharedWork<string>();

  constructor(deps: DownloadDeps) {
    this.#deps = deps;
  }

  /**
   * @param onProgress bytes that are here
   * @returns path of the whole file, whose digest was checked
   * @throws DOWNLOAD_DAMAGED, DISK_FULL, and what `open` throws
   */
  blob(wanted: BlobWanted, open: OpenPart, onProgress: (done: number) => void, signal: AbortSignal): Promise<string> {
    return this.#shared.run(wanted.digest, signal, async (shared) => {
      const { paths, pause } = this.#deps;
      const path = paths.blob(wanted.digest);
      if (await exists(path)) return path;
      const part = paths.blobPart(wanted.digest);
      await ensureFolder(paths.blobs);
      try {
        await new Download(wanted, part, open, onProgress).run(pause, shared);
        await renameDurable(part, path);
        return path;
      } catch (error) {
        shared.throwIfAborted();
        throw isDiskFull(error) ? fail("DISK_FULL", { path: part, during }, error as Error) : error;
      }
    });
  }
}

class Download {
  readonly #wanted: BlobWanted;
  readonly #path: string;
  readonly #open: OpenPart;
  readonly #onProgress: (done: number) => void;
  #hash: Hash = createHash("sha256");
  #have = 0;

  constructor(wanted: BlobWanted, path: string, open: OpenPart, onProgress: (done: number) => void) {
    this.#wanted = wanted;
    this.#path = path;
    this.#open = open;
    this.#onProgress = onProgress;
  }

  async run(pause: Pause, signal: AbortSignal): Promise<void> {
    await this.#resume();
    const file = await appendTo(this.#path, this.#have);
    try {
      const retries = new Retries(pause);
      while (!(await this.#attempt(file, retries, signal)));
      await this.#verify();
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Hashes what an earlier download left. */
  async #resume(): Promise<void> {
    if (!(await exists(this.#path))) return;
    if ((await sizeOf(this.#path)) > (this.#wanted.size ?? this.#wanted.limit)) return removeTree(this.#path);
    for await (const chunk of readStream(this.#path)) this.#took(chunk);
    this.#onProgress(this.#have);
  }

  /** @returns whether everything is here */
  async #attempt(file: AppendFile, retries: Retries, signal: AbortSignal): Promise<boolean> {
    const { size } = this.#wanted;
    if (size !== null && this.#have === size) return true;
    const before = this.#have;
    try {
      const part = await this.#open(this.#have, signal);
      this.#check(part);
      if (part.from !== this.#have) await this.#restart(file);
      for await (const chunk of part.body) {
        this.#took(chunk);
        if (this.#have > (size ?? this.#wanted.limit)) throw this.#damaged("it is longer than it should be");
        await file.write(chunk);
        this.#onProgress(this.#have);
      }
      if (size !== null && this.#have < size) {
        throw new TransientError(this.#damaged(`it ends after ${this.#have} of ${size} bytes`));
      }
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BangerError && error.code === "DOWNLOAD_DAMAGED") await removeTree(this.#path);
      if (this.#have > before) retries.progress();
      await retries.after(error, signal);
      return false;
    }
  }

  #check({ from, total }: Part): void {
    const { size, limit } = this.#wanted;
    if (from !== this.#have && from !== 0) throw this.#damaged("the answer begins at another place than was asked for");
    if (total !== null && size !== null && total !== size) {
      throw this.#damaged(`it has ${total} bytes instead of ${size}`);
    }
    if (total !== null && total > limit) throw this.#damaged("it is longer than it may be");
  }

  async #restart(file: AppendFile): Promise<void> {
    await file.truncate();
    this.#hash = createHash("sha256");
    this.#have = 0;
  }

  #took(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#have += chunk.length;
  }

  async #verify(): Promise<void> {
    const found = `sha256:${this.#hash.digest("hex")}`;
    if (found === this.#wanted.digest) return;
    await removeTree(this.#path);
    throw this.#damaged(`it has the digest ${found} instead of ${this.#wanted.digest}`);
  }

  #damaged(problem: string): Error {
    return fail("DOWNLOAD_DAMAGED", { what: this.#wanted.what, problem });
  }
}
