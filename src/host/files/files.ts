/** Files and folders: whole reads with a limit, and atomic writes. */
import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { basename, dirname } from "node:path";
import { fail } from "../../base/errors/error.ts";
import type { Digest } from "../../base/names.ts";
import { bytesOfPath, textOfPath } from "../../base/path-bytes.ts";
import { errnoOf, isMissing } from "../errno.ts";
import { watchFolder } from "./folder-watch.ts";
import { copySparse } from "./sparse-copy.ts";

export { isDiskFull } from "../errno.ts";
export { removeTree, removeTrees } from "./remove-tree.ts";
export { shareBlocks } from "./sparse-copy.ts";
export { copySparse };

const defaultMax = 1024 * 1024;

/** @throws FILE_INVALID when it is longer than `maxBytes` */
export async function readBytes(path: string, maxBytes: number): Promise<Uint8Array> {
  const file = await fs.open(bytesOfPath(path), "r");
  try {
    const { size } = await file.stat();
    // the reported size is only a hint: it is 0 for files in /proc, and a log grows while it is read
    let buffer = Buffer.allocUnsafe(Math.min(size, maxBytes) + 1);
    for (let length = 0; ; ) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) return buffer.subarray(0, length);
      length += bytesRead;
      if (length > maxBytes) throw fail("FILE_INVALID", { path, problem: `is longer than ${maxBytes} bytes` });
      if (length === buffer.length) buffer = grown(buffer, maxBytes + 1);
    }
  } finally {
    await file.close();
  }
}

function grown(buffer: Buffer, limit: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafe(Math.min(limit, Math.max(buffer.length * 2, 4096)));
  buffer.copy(larger);
  return larger;
}

/** UTF-8. @throws FILE_INVALID when it is longer than `maxBytes` */
export async function readText(path: string, maxBytes = defaultMax): Promise<string> {
  return new TextDecoder().decode(await readBytes(path, maxBytes));
}

/** As `readText`; null when there is no such file. */
export async function readTextIfAny(path: string, maxBytes = defaultMax): Promise<string | null> {
  try {
    return await readText(path, maxBytes);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Writes a temporary file, syncs it, renames it and syncs the folder. */
export async function writeAtomic(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  const temp = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const file = await fs.open(temp, "wx", mode);
    try {
      await file.writeFile(data);
      await file.chmod(mode);
    } finally {
      await file.close();
    }
    await renameDurable(temp, path);
  } catch (error) {
    await fs.rm(temp, { force: true });
    throw error;
  }
}

/** Creates the folder and its parents; the mode applies only when they are created. */
export async function ensureFolder(path: string, mode = 0o700): Promise<void> {
  await fs.mkdir(path, { recursive: true, mode });
}

export async function exists(path: string): Promise<boolean> {
  try {
    await fs.lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** True for a regular file or a link to one; false if it is missing. */
export async function isFile(path: string): Promise<boolean> {
  const facts = await fs.stat(path).catch(() => null);
  return facts?.isFile() ?? false;
}

/** False if it is missing. */
export async function isFolder(path: string): Promise<boolean> {
  const facts = await fs.stat(path).catch(() => null);
  return facts?.isDirectory() ?? false;
}

/** The path with all links resolved. */
export async function realPath(path: string): Promise<string> {
  return fs.realpath(path);
}

/** The inode number: a copy has another one, a renamed file keeps it. */
export async function serialOf(path: string): Promise<string> {
  return String((await fs.stat(path, { bigint: true })).ino);
}

/** When its content was modified, Unix time in `ms`; null when it is missing. Links are not followed. */
export async function modifiedAt(path: string): Promise<number | null> {
  try {
    return (await fs.lstat(bytesOfPath(path))).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Size in bytes. */
export async function sizeOf(path: string): Promise<number> {
  return (await fs.stat(path)).size;
}

/**
 * A text that changes with every change of the file, its name or its attributes: it contains the ctime, which the kernel sets and no
 * ordinary user can.
 */
export async function changeStamp(path: string): Promise<string> {
  const { ino, ctimeNs } = await fs.stat(path, { bigint: true });
  return `${ino}:${ctimeNs}`;
}

/**
 * A text that changes when the file is written to, truncated or replaced, but not when only its mode or owner changes. A process that
 * resets the file's times can hide a write from it; `changeStamp` would show it.
 */
export async function contentStamp(path: string): Promise<string> {
  const { ino, mtimeNs, size } = await fs.stat(path, { bigint: true });
  return `${ino}:${mtimeNs}:${size}`;
}

/** Bytes that an ordinary user can still write on the file system of `path`, which must exist. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await fs.statfs(path);
  return bavail * bsize;
}

/** The mount point of the file system of `path`: the highest folder above it on the same device. */
export async function mountPoint(path: string): Promise<string> {
  const { dev } = await fs.stat(path);
  const parent = dirname(path);
  return parent !== path && (await fs.stat(parent)).dev === dev ? mountPoint(parent) : path;
}

/** Gives a file another name, by a sparse copy where that is on another file system; replaces what is at `to`. Not synced. */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    await fs.rename(from, to);
  } catch (error) {
    if (errnoOf(error) !== "EXDEV") throw error;
    await fs.rm(to, { force: true });
    await copySparse(from, to);
    await fs.rm(from, { force: true });
  }
}

/** Within one file system; replaces what is at `to`. Not synced. */
export async function rename(from: string, to: string): Promise<void> {
  await fs.rename(from, to);
}

/** Syncs what is moved (a file, or a folder itself), renames it, and syncs its new folder. */
export async function renameDurable(from: string, to: string): Promise<void> {
  await syncPath(from);
  await fs.rename(from, to);
  await syncPath(dirname(to));
}

/** fsync(2) of a file or a folder */
export async function syncPath(path: string): Promise<void> {
  const file = await fs.open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** When this resolves, these files and their folders survive a crash of the host. */
export async function makeDurable(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map(syncPath));
  await Promise.all([...new Set(paths.map((path) => dirname(path)))].map(syncPath));
}

/** Names in a folder; those that are not UTF-8 are encoded as in `base/path-bytes.ts`. @throws when the folder is missing */
export async function listFolder(path: string): Promise<string[]> {
  return (await fs.readdir(path, { encoding: "buffer" })).map(textOfPath);
}

/** An unused name in `folder` for unfinished work. */
export function tempPath(folder: string, label: string): string {
  return `${folder}/${label}-${randomBytes(8).toString("hex")}`;
}

/** Sets the length; an added part is a hole. */
export async function truncateTo(path: string, bytes: number): Promise<void> {
  await fs.truncate(path, bytes);
}

/** The last `maxBytes` of a file; empty when it is missing. Does not follow links or wait for a fifo. */
export async function tailBytes(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const file = await fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { size } = await file.stat();
      const length = Math.min(size, maxBytes);
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, size - length);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isMissing(error)) return new Uint8Array();
    throw error;
  }
}

/** The first `maxBytes` of a file, or all of it. */
export async function readStart(path: string, maxBytes: number): Promise<Uint8Array> {
  const file = await fs.open(path, "r");
  try {
    const buffer = Buffer.alloc(maxBytes);
    const { bytesRead } = await file.read(buffer, 0, maxBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Calls back at each change of a file, which need not exist yet, and sometimes without a change. */
export function watchFile(path: string, onChange: () => void): { close(): void } {
  const name = basename(path);
  return watchFolder(dirname(path), (changed) => {
    if (changed === null || changed === name) onChange();
  });
}

export interface FileSink {
  write(chunk: Uint8Array): Promise<void>;
  /** when this resolves, everything written is on the disk */
  close(): Promise<void>;
  /** closes and removes the file */
  abort(): Promise<void>;
}

/** A new file, mode 0600. @throws EEXIST when it already exists */
export async function openWrite(path: string): Promise<FileSink> {
  const file = await fs.open(path, "wx", 0o600);
  return {
    async write(chunk) {
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    },
    async close() {
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    },
    async abort() {
      await file.close().catch(() => {});
      await fs.rm(path, { force: true });
    },
  };
}

const chunkBytes = 256 * 1024;

/** @param range bytes from `from` up to, not including, `to` */
export async function* readStream(path: string, range: { from?: number; to?: number } = {}): AsyncIterable<Uint8Array> {
  const file = await fs.open(path, "r");
  try {
    const end = range.to ?? Number.POSITIVE_INFINITY;
    for (let at = range.from ?? 0; at < end; ) {
      const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, end - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

export async function sha256File(path: string): Promise<Digest> {
  const hash = createHash("sha256");
  for await (const chunk of readStream(path)) hash.update(chunk);
  return `sha256:${hash.digest("hex")}` as Digest;
}

/** True when the error means that the name is already taken. */
export function isTaken(error: unknown): boolean {
  return errnoOf(error) === "EEXIST";
}
