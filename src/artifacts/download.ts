/**
 * Blobs: files named by their digest. What is half fetched goes on where it broke off, also after a restart; only what has
 * the right length and digest gets its name.
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

/** Bytes from one place on. */
export type Part = {
  /** of the first byte that `body` has */
  from: number;
  /** of the whole; null: it isn't said */
  total: number | null;
  body: AsyncIterable<Uint8Array>;
  /** It comes from one of several places, and is of no use: from now on others are asked. Absent: there are no others. */
  distrust?(): void;
};

/**
 * Asks for what begins at `from`; it may begin at 0 all the same. The signal closes the connection, also when nobody
 * reads the body. @throws TransientError where asking again may help
 */
export type OpenPart = (from: number, signal: AbortSignal, most?: number) => Promise<Part>;

export type BlobWanted = {
  digest: Digest;
  /** bytes; null: unknown, and at most `limit` */
  size: number | null;
  limit: number;
  /** who is asked for it, as specific as one can be: only those who ask the same share a download */
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
/** bytes between two looks at the free space */
const lookEvery = 16 * 1024 ** 2;

export class Downloads {
  readonly #deps: DownloadDeps;
  readonly #freeBytes: FreeBytes;
  readonly #shared = new SharedWork<string>("again");
  readonly #holds = new Map<Digest, number>();

  constructor(deps: DownloadDeps) {
    this.#deps = deps;
    this.#freeBytes = deps.freeBytes ?? freeBytes;
  }

  /** Before several downloads: there is room for them, and for about as much that is made of them. @throws DISK_FULL */
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

  /** Gets blobs for one piece of work, and keeps them for it. */
  hold(): BlobHold {
    return new BlobHold(this, this.#holds);
  }

  /** Removes blobs that nobody holds, and parts of them that nobody is at, here or in another daemon. */
  async discard(digests: readonly Digest[]): Promise<void> {
    const { paths } = this.#deps;
    for (const digest of new Set(digests)) {
      if (this.#holds.has(digest)) continue;
      await removeUnlessHeld(paths.blob(digest));
      await removeUnlessHeld(paths.blobPart(digest));
    }
  }

  /**
   * Others may remove the file at any time: who reads it gets it by `hold`.
   * @param onProgress bytes that are here
   * @returns path of the whole file, whose digest was checked
   * @throws DOWNLOAD_DAMAGED, DISK_FULL, and what `open` throws
   */
  blob(wanted: BlobWanted, open: OpenPart, onProgress: (done: number) => void, signal: AbortSignal): Promise<string> {
    // a stranger can name any digest: who asks somebody else, or expects another size, neither waits nor fails with him
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
    // had until it is renamed or left, so that nobody else writes to it meanwhile
    const kept = await appendTo(paths.blobPart(wanted.digest));
    // another daemon is at it: not waited for, since it may be slow, and not trusted to end
    const file = kept ?? (await appendTo(tempPath(paths.blobs, "part")));
    if (!file) throw new Error("a new file is locked");
    try {
      if (await exists(path)) {
        await removeTree(file.path);
        return path;
      }
      const room = (bytes: number) => requireRoom(this.#freeBytes, { path: paths.blobs, bytes, during });
      await new Download({ wanted, file, open, room, onProgress }).run(pause, signal);
      // one that is there may be held
      if (await exists(path)) await removeTree(file.path);
      else await renameDurable(file.path, path);
      return path;
    } catch (error) {
      if (file !== kept || isRefusal(error)) await removeTree(file.path);
      throw error;
    } finally {
      await file.close();
    }
  }
}

/** Whoever has too much to do is not asked for more, smaller pieces. */
function isBrokenConnection(error: unknown): boolean {
  return error instanceof TransientError && error.afterMs === null && !isError(error.final, "REGISTRY_LIMITED");
}

/** What is here is of no use to a later try, or must make room. */
function isRefusal(error: unknown): boolean {
  return isDiskFull(error) || isError(error, "DISK_FULL") || isError(error, "DOWNLOAD_DAMAGED");
}

type DownloadParts = {
  wanted: BlobWanted;
  file: AppendFile;
  open: OpenPart;
  /** @throws DISK_FULL when that many bytes have no room */
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
  /** at the last look at the free space */
  #looked = 0;
  readonly #pieces = new Pieces();
  /** some of it may be another's fault than that of who is asked now */
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
      this.#took(chunk);
    }
    this.#isMixed = this.#have > 0;
    this.#onProgress(this.#have);
  }

  /** @returns whether everything is here and right */
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
        // what is wrong may be what an earlier download or a mirror left: then once more, from the start
        const isWorthIt = this.#isMixed || part?.distrust !== undefined;
        await this.#restart();
        if (isWorthIt) return false;
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

  /** @param asked bytes that the part is to have at most; null: all that are left */
  async #take(part: Part, asked: number | null): Promise<void> {
    const before = this.#have;
    const { size, limit } = this.#wanted;
    this.#check(part);
    if (part.from !== this.#have) await this.#restart();
    for await (const chunk of part.body) {
      if (part.distrust) this.#isMixed = true;
      this.#took(chunk);
      if (this.#have > (size ?? limit)) throw this.#damaged("it is longer than it should be");
      await this.#file.write(chunk);
      this.#onProgress(this.#have);
      if (this.#have - this.#looked >= lookEvery) await this.#look();
    }
    const isPiece = asked !== null && this.#have >= before + asked;
    if (size !== null && this.#have < size && !isPiece) {
      throw new TransientError(this.#damaged(`it ends after ${this.#have} of ${size} bytes`));
    }
  }

  /** Others write to the same disk. */
  async #look(): Promise<void> {
    this.#looked = this.#have;
    await this.#room((this.#wanted.size ?? this.#have) - this.#have);
  }

  #check({ from, total }: Part): void {
    const { size, limit } = this.#wanted;
    if (from !== this.#have && from !== 0) throw this.#damaged("the answer begins at another place than was asked for");
    if (total !== null && size !== null && total !== size) {
      throw this.#damaged(`it has ${total} bytes instead of ${size}`);
    }
    if (total !== null && total > limit) throw this.#damaged("it is longer than it may be");
  }

  async #restart(): Promise<void> {
    await this.#file.truncate();
    this.#hash = createHash("sha256");
    this.#have = 0;
    this.#looked = 0;
    this.#isMixed = false;
  }

  #took(chunk: Uint8Array): void {
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
