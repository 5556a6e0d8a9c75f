/**
 * Downloads blobs: files named by their digest. A partial download resumes where it stopped, even after a restart; only
 * a file with the right size and digest gets its final name.
 */
import { createHash, type Hash } from "node:crypto";
import { fail, isError } from "../base/errors/error.ts";
import type { Digest } from "../base/names.ts";
import { SharedWork } from "../base/shared-work.ts";
import { type AppendFile, appendTo } from "../host/files/append.ts";
import {
  ensureFolder,
  exists,
  freeBytes,
  isDiskFull,
  readStream,
  removeTree,
  renameDurable,
  sizeOf,
  tempPath,
} from "../host/files/files.ts";
import { removeUnlessHeld } from "../host/files/shared-file.ts";
import type { Paths } from "../model/paths.ts";
import { BlobHold } from "./blob-hold.ts";
import { Pieces } from "./pieces.ts";
import { type Pause, Retries, TransientError } from "./retry.ts";
import { type FreeBytes, requireRoom } from "./room.ts";

/** Part of a blob, from some offset. */
export type Part = {
  /** offset of the first byte in `body` */
  from: number;
  /** total bytes; null if unknown */
  total: number | null;
  body: AsyncIterable<Uint8Array>;
  /** Reports that this source sent bad data: from now on others are used. Absent if there are no others. */
  distrust?(): void;
};

/**
 * Requests the bytes from `from` on; the answer may begin at 0 instead. The signal closes the connection, even when
 * nobody reads the body. @throws TransientError if a retry may help
 */
export type OpenPart = (from: number, signal: AbortSignal, most?: number) => Promise<Part>;

export type BlobWanted = {
  digest: Digest;
  /** bytes; null if unknown, then at most `limit` */
  size: number | null;
  limit: number;
  /** the source, as specific as possible: only requests to the same source share a download */
  from: string;
  /** for messages */
  what: string;
};

export type DownloadDeps = {
  paths: Pick<Paths, "blobs" | "blob" | "blobPart">;
  pause: Pause;
  /** for tests */
  freeBytes?: FreeBytes;
};

const during = "downloading";
/** bytes between two checks of the free space */
const roomCheckInterval = 16 * 1024 ** 2;

export class Downloads {
  readonly #deps: DownloadDeps;
  readonly #freeBytes: FreeBytes;
  readonly #shared = new SharedWork<string>("again");
  readonly #holds = new Map<Digest, number>();

  constructor(deps: DownloadDeps) {
    this.#deps = deps;
    this.#freeBytes = deps.freeBytes ?? freeBytes;
  }

  /**
   * Checks before several downloads that there is room for them, and for about as much again that is made from them.
   * @throws DISK_FULL
   */
  async requireRoom(blobs: readonly { digest: Digest; size: number }[]): Promise<void> {
    const { paths } = this.#deps;
    await ensureFolder(paths.blobs);
    let bytes = 0;
    for (const [digest, size] of new Map(blobs.map((blob) => [blob.digest, blob.size]))) {
      const files = [paths.blob(digest), paths.blobPart(digest)];
      const here = await Promise.all(files.map((path) => sizeOf(path).catch(() => 0)));
      bytes += Math.max(size, 2 * size - Math.max(...here));
    }
    await requireRoom(this.#freeBytes, { path: paths.blobs, bytes, during });
  }

  /** Downloads blobs for one operation, and keeps them until it is done. */
  hold(): BlobHold {
    return new BlobHold(this, this.#holds);
  }

  /** Removes blobs that are not in use, and partial downloads that are not in progress, here or in another daemon. */
  async discard(digests: readonly Digest[]): Promise<void> {
    const { paths } = this.#deps;
    for (const digest of new Set(digests)) {
      if (this.#holds.has(digest)) continue;
      await removeUnlessHeld(paths.blob(digest));
      await removeUnlessHeld(paths.blobPart(digest));
    }
  }

  /**
   * The file can be removed at any time: readers use `hold`.
   * @param onProgress bytes so far
   * @returns path of the complete file, whose digest was checked
   * @throws DOWNLOAD_DAMAGED, DISK_FULL, and what `open` throws
   */
  blob(wanted: BlobWanted, open: OpenPart, onProgress: (done: number) => void, signal: AbortSignal): Promise<string> {
    // anyone can list any digest: requests to another source, or for another size, share nothing with this one
    const key = JSON.stringify([wanted.from, wanted.digest, wanted.size]);
    return this.#shared.run(key, signal, async (shared) => {
      const { paths } = this.#deps;
      const path = paths.blob(wanted.digest);
      try {
        return (await exists(path)) ? path : await this.#fetch(wanted, open, onProgress, shared);
      } catch (error) {
        shared.throwIfAborted();
        throw isDiskFull(error) ? fail("DISK_FULL", { path, during }, error as Error) : error;
      }
    });
  }

  async #fetch(
    wanted: BlobWanted,
    open: OpenPart,
    onProgress: (done: number) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const { paths, pause } = this.#deps;
    const path = paths.blob(wanted.digest);
    await ensureFolder(paths.blobs);
    // locked until it is renamed or abandoned, so that nobody else writes to it
    const kept = await appendTo(paths.blobPart(wanted.digest));
    // another daemon is downloading it: it may be slow or never finish, so don't wait for it
    const file = kept ?? (await appendTo(tempPath(paths.blobs, "part")));
    if (!file) throw new Error("a new file is locked");
    try {
      if (await exists(path)) {
        await removeTree(file.path);
        return path;
      }
      const room = (bytes: number) => requireRoom(this.#freeBytes, { path: paths.blobs, bytes, during });
      await new Download({ wanted, file, open, room, onProgress }).run(pause, signal);
      // an existing file may be in use
      if (await exists(path)) await removeTree(file.path);
      else await renameDurable(file.path, path);
      return path;
    } catch (error) {
      if (file !== kept || isUseless(error)) await removeTree(file.path);
      throw error;
    } finally {
      await file.close();
    }
  }
}

/** True if the connection broke. An overloaded server does not get more, smaller requests. */
function isBrokenConnection(error: unknown): boolean {
  return error instanceof TransientError && error.afterMs === null && !isError(error.final, "REGISTRY_LIMITED");
}

/** The partial file is useless to a later try, or has to make room. */
function isUseless(error: unknown): boolean {
  return isDiskFull(error) || isError(error, "DISK_FULL") || isError(error, "DOWNLOAD_DAMAGED");
}

type DownloadParts = {
  wanted: BlobWanted;
  file: AppendFile;
  open: OpenPart;
  /** @throws DISK_FULL if there is no room for that many bytes */
  room(bytes: number): Promise<void>;
  onProgress(done: number): void;
};

class Download {
  readonly #wanted: BlobWanted;
  readonly #file: AppendFile;
  readonly #open: OpenPart;
  readonly #room: (bytes: number) => Promise<void>;
  readonly #onProgress: (done: number) => void;
  #hash: Hash = createHash("sha256");
  #have = 0;
  /** bytes at the last check of the free space */
  #checkedAt = 0;
  readonly #pieces = new Pieces();
  /** some of the data came from an earlier download or another source */
  #isMixed = false;

  constructor({ wanted, file, open, room, onProgress }: DownloadParts) {
    this.#wanted = wanted;
    this.#file = file;
    this.#open = open;
    this.#room = room;
    this.#onProgress = onProgress;
  }

  async run(pause: Pause, signal: AbortSignal): Promise<void> {
    await this.#resume(signal);
    await this.#room(Math.max(0, (this.#wanted.size ?? 0) - this.#have));
    const retries = new Retries(pause);
    while (!(await this.#attempt(retries, signal)));
  }

  /** Hashes what an earlier download left. */
  async #resume(signal: AbortSignal): Promise<void> {
    const { path } = this.#file;
    if ((await sizeOf(path)) > (this.#wanted.size ?? this.#wanted.limit)) return this.#file.truncate();
    for await (const chunk of readStream(path)) {
      signal.throwIfAborted();
      this.#append(chunk);
    }
    this.#isMixed = this.#have > 0;
    this.#onProgress(this.#have);
  }

  /** @returns true if the file is complete and its digest right */
  async #attempt(retries: Retries, signal: AbortSignal): Promise<boolean> {
    const before = this.#have;
    const stop = new AbortController();
    let part: Part | null = null;
    try {
      if (this.#have !== this.#wanted.size) {
        const asked = this.#wanted.size === null ? null : this.#pieces.next;
        part = await this.#open(this.#have, AbortSignal.any([signal, stop.signal]), asked ?? undefined);
        await this.#take(part, asked);
        if (asked !== null) this.#pieces.came();
        if (this.#wanted.size !== null && this.#have < this.#wanted.size) {
          retries.progress();
          return false;
        }
      }
      this.#verify();
      return true;
    } catch (error) {
      signal.throwIfAborted();
      part?.distrust?.();
      if (isError(error, "DOWNLOAD_DAMAGED")) {
        // an earlier download or a mirror may be to blame: then try once more from the start
        const canRetry = this.#isMixed || part?.distrust !== undefined;
        await this.#restart();
        if (canRetry) return false;
        await removeTree(this.#file.path);
      }
      if (this.#have > before) retries.progress();
      else if (isBrokenConnection(error)) this.#pieces.broke();
      await retries.after(error, signal);
      return false;
    } finally {
      stop.abort();
    }
  }

  /** @param asked most bytes that the part should have; null for all that are left */
  async #take(part: Part, asked: number | null): Promise<void> {
    const before = this.#have;
    const { size, limit } = this.#wanted;
    this.#check(part);
    if (part.from !== this.#have) await this.#restart();
    for await (const chunk of part.body) {
      if (part.distrust) this.#isMixed = true;
      this.#append(chunk);
      if (this.#have > (size ?? limit)) throw this.#damaged("it is longer than it should be");
      await this.#file.write(chunk);
      this.#onProgress(this.#have);
      if (this.#have - this.#checkedAt >= roomCheckInterval) await this.#checkRoom();
    }
    const isPiece = asked !== null && this.#have >= before + asked;
    if (size !== null && this.#have < size && !isPiece) {
      throw new TransientError(this.#damaged(`it ends after ${this.#have} of ${size} bytes`));
    }
  }

  /** Others write to the same disk too. */
  async #checkRoom(): Promise<void> {
    this.#checkedAt = this.#have;
    await this.#room((this.#wanted.size ?? this.#have) - this.#have);
  }

  #check({ from, total }: Part): void {
    const { size, limit } = this.#wanted;
    if (from !== this.#have && from !== 0)
      throw this.#damaged("the answer begins at another offset than was requested");
    if (total !== null && size !== null && total !== size) {
      throw this.#damaged(`it has ${total} bytes instead of ${size}`);
    }
    if (total !== null && total > limit) throw this.#damaged("it is longer than allowed");
  }

  async #restart(): Promise<void> {
    await this.#file.truncate();
    this.#hash = createHash("sha256");
    this.#have = 0;
    this.#checkedAt = 0;
    this.#isMixed = false;
  }

  #append(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#have += chunk.length;
  }

  #verify(): void {
    const found = `sha256:${this.#hash.digest("hex")}`;
    if (found !== this.#wanted.digest) {
      throw this.#damaged(`it has the digest ${found} instead of ${this.#wanted.digest}`);
    }
  }

  #damaged(problem: string): Error {
    return fail("DOWNLOAD_DAMAGED", { what: this.#wanted.what, problem });
  }
}
