/**
 * Reads an untrusted folder: names are bytes, symbolic links are never followed, and every opened file is proved to be below the root.
 * Names are *byte text*: strings with one character (U+0000–U+00FF) per byte, as Linux has no encoding. Calls are synchronous: each
 * takes a few microseconds on a local file system, and switching threads would cost more.
 */
import * as fs from "node:fs";
import { bytesOfPath, textOfPath } from "../../base/path-bytes.ts";

export type EntryKind = "file" | "folder" | "link" | "special";

export type EntryInfo = {
  kind: EntryKind;
  /** permission bits, `0o7777` */
  mode: number;
  /** bytes */
  size: number;
  /** Unix time in `ns` */
  mtimeNs: bigint;
  uid: number;
  dev: number;
  ino: number;
};

/** A regular file open for reading; call `close()` once. */
export type OpenEntry = {
  info: EntryInfo;
  /** up to `buffer.length` bytes from where the last read ended; 0 at the end */
  read(buffer: Uint8Array): number;
  close(): void;
};

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = fs.constants;

export function bytesOf(byteText: string): Buffer {
  return Buffer.from(byteText, "latin1");
}

/** The byte text of a text that may be encoded as in `base/path-bytes.ts`. */
export function byteTextOf(text: string): string {
  return Buffer.from(bytesOfPath(text) as string).toString("latin1");
}

/** The inverse of `byteTextOf`. */
export function textOfBytes(byteText: string): string {
  return textOfPath(bytesOf(byteText));
}

/** Describes what is there, without following links; null when there is nothing (or a parent is not a folder). */
export function lookAt(path: string): EntryInfo | null {
  try {
    return infoOf(fs.lstatSync(bytesOf(path), { bigint: true }));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Names in a folder, in byte order. */
export function listNames(folder: string): string[] {
  return fs
    .readdirSync(bytesOf(folder), { encoding: "buffer" })
    .map((name) => name.toString("latin1"))
    .sort(byByte);
}

/** The entries of a folder, without following links; names that are not UTF-8 are only good for display. */
export function listKinds(folder: string): { name: string; kind: EntryKind }[] {
  return fs.readdirSync(bytesOf(folder), { withFileTypes: true }).map((entry) => {
    const name = byteTextOf(entry.name);
    const kind = kindOf(entry);
    // some file systems leave it to lstat(2)
    return { name, kind: kind === "special" ? (lookAt(`${folder}/${name}`)?.kind ?? kind) : kind };
  });
}

/** Whether this process can read the file or folder. */
export function isReadable(path: string): boolean {
  try {
    fs.accessSync(bytesOf(path), fs.constants.R_OK);
    return true;
  } catch (error) {
    if (isMissing(error) || codeOf(error) === "EACCES") return false;
    throw error;
  }
}

function byByte(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The path with links, `.` and `..` resolved; throws when it does not exist. */
export function realPath(path: string): string {
  return fs.realpathSync.native(bytesOf(path), { encoding: "buffer" }).toString("latin1");
}

/** As `realPath`; null when it does not exist or can't be reached. */
export function realPathIfAny(path: string): string | null {
  try {
    return realPath(path);
  } catch {
    return null;
  }
}

/**
 * Opens the regular file `root/relative` without following a link anywhere below `root`; null when it is missing, not a regular file,
 * or reached through a link. Never blocks on a fifo.
 * @param root as `realPath` returns it
 */
export function openBeneath(root: string, relative: string): OpenEntry | null {
  const fd = openPlain(join(root, relative), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (fd === null) return null;
  try {
    const info = infoOf(fs.fstatSync(fd, { bigint: true }));
    if (info.kind === "file" && isAt(fd, join(root, relative))) return openEntry(fd, info);
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
  fs.closeSync(fd);
  return null;
}

/** The whole content of such a file; null as above. @throws RangeError when it has more than `maxBytes` */
export function readBeneath(root: string, relative: string, maxBytes: number): Uint8Array | null {
  const file = openBeneath(root, relative);
  if (file === null) return null;
  try {
    if (file.info.size > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`);
    return readUpTo(file, maxBytes);
  } finally {
    file.close();
  }
}

/** The target of the link `root/relative`, whose parent folder is proved to be below `root`; null when it is not a link. */
export function linkBeneath(root: string, relative: string): string | null {
  const cut = relative.lastIndexOf("/");
  const parent = cut < 0 ? root : join(root, relative.slice(0, cut));
  const fd = openPlain(parent, O_RDONLY | O_NOFOLLOW | O_DIRECTORY);
  if (fd === null) return null;
  try {
    if (!isAt(fd, parent)) return null;
    return fs
      .readlinkSync(bytesOf(`/proc/self/fd/${fd}/${relative.slice(cut + 1)}`), { encoding: "buffer" })
      .toString("latin1");
  } catch (error) {
    if (isMissing(error) || codeOf(error) === "EINVAL") return null;
    throw error;
  } finally {
    fs.closeSync(fd);
  }
}

/** Takes over an open regular file. */
export function openEntry(fd: number, info: EntryInfo): OpenEntry {
  return {
    info,
    read: (buffer) => fs.readSync(fd, buffer, 0, buffer.length, null),
    close: () => fs.closeSync(fd),
  };
}

function readUpTo(file: OpenEntry, maxBytes: number): Uint8Array {
  const buffer = new Uint8Array(Math.min(maxBytes, file.info.size) + 1);
  let length = 0;
  for (;;) {
    const got = file.read(buffer.subarray(length));
    if (got === 0) return buffer.subarray(0, length);
    length += got;
    if (length > file.info.size) throw new RangeError("it grew while it was read");
  }
}

function openPlain(path: string, flags: number): number | null {
  try {
    return fs.openSync(bytesOf(path), flags);
  } catch (error) {
    if (isMissing(error) || codeOf(error) === "ELOOP" || codeOf(error) === "ENXIO") return null;
    throw error;
  }
}

/** True when the open file is the one at `path` with no link on the way: then `path` is the kernel's own name for it. */
function isAt(fd: number, path: string): boolean {
  return fs.readlinkSync(`/proc/self/fd/${fd}`, { encoding: "buffer" }).equals(bytesOf(path));
}

function join(root: string, relative: string): string {
  if (relative === "") return root;
  return root === "/" ? `/${relative}` : `${root}/${relative}`;
}

/** From big integers, because a number can't represent today's time in nanoseconds. */
export function infoOf(stat: fs.BigIntStats): EntryInfo {
  const { mode, size, mtimeNs, uid, dev, ino } = stat;
  return {
    kind: kindOf(stat),
    mode: Number(mode) & 0o7777,
    size: Number(size),
    mtimeNs,
    uid: Number(uid),
    dev: Number(dev),
    ino: Number(ino),
  };
}

function kindOf(one: Pick<fs.BigIntStats, "isFile" | "isDirectory" | "isSymbolicLink">): EntryKind {
  return one.isFile() ? "file" : one.isDirectory() ? "folder" : one.isSymbolicLink() ? "link" : "special";
}

function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG";
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
