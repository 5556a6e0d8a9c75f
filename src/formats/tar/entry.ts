/** One member of an archive, from its header block and the pax records before it. */
import { trimEndOf } from "../../base/trim.ts";
import { shown, type TarEntry, TarError, type TarHeader, type TarKind } from "./header.ts";
import { checkName, insideRoot } from "./names.ts";
import { readPaxMap } from "./sparse.ts";
import { xattrsOf } from "./xattrs.ts";

/** The type flag of a folder with a list of its files (GNU tar's `--listed-incremental`). */
export const dumpedFolder = "D";

const kinds: Record<string, TarKind> = {
  "0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "folder",
  [dumpedFolder]: "folder",
  "6": "fifo",
};

/** A sparse member, from its headers. `parts` is null if the map is in the content. */
export type Sparse = { parts: { offset: number; length: number }[] | null; size: number; name: string | null };

/** PAX formats 0.0 and 0.1 (map in the records) and 1.0 (map in the content). */
export function paxSparse(pax: ReadonlyMap<string, string>): Sparse | null {
  const size = paxNumber(pax, "GNU.sparse.realsize") ?? paxNumber(pax, "GNU.sparse.size");
  const name = pax.get("GNU.sparse.name") ?? null;
  const map = pax.get("GNU.sparse.map");
  if (size !== undefined && map !== undefined) return { parts: readPaxMap(map), size, name };
  if (size !== undefined && pax.get("GNU.sparse.major") === "1") return { parts: null, size, name };
  if ([...pax.keys()].some((key) => key.startsWith("GNU.sparse."))) {
    throw new TarError("it contains a sparse file of an unknown format");
  }
  return null;
}

/**
 * `stored`: bytes that follow. Members other than files have none, whatever their header says (as in Go's archive/tar),
 * except dumped folders, whose bytes are their list of files.
 */
export function toEntry(
  header: TarHeader,
  pax: ReadonlyMap<string, string>,
  sparse: Sparse | null,
  allowsLineBreaks = false,
): { entry: TarEntry; stored: number } {
  const path = sparse?.name ?? pax.get("path") ?? header.name;
  const name = insideRoot(trimEndOf(path, "/"));
  const kind = kindOf(header, path, pax);
  if (!kind) throw new TarError(`${shown(name)} is of an unknown type`);
  if (sparse && kind !== "file") throw new TarError(`${shown(name)} is sparse but not a file`);
  const isStored = kind === "file" || header.type === dumpedFolder;
  const stored = isStored ? (paxNumber(pax, "size") ?? header.size) : 0;
  const link = linkOf(kind, pax.get("linkpath") ?? header.link);
  checkName(name, kind, link, allowsLineBreaks);
  const entry: TarEntry = {
    ...{ name, kind, mode: header.mode, link, size: sparse?.size ?? (kind === "file" ? stored : 0) },
    uid: paxNumber(pax, "uid") ?? header.uid,
    gid: paxNumber(pax, "gid") ?? header.gid,
    mtime: paxTime(pax) ?? header.mtime,
  };
  const nanoseconds = paxFraction(pax);
  if (nanoseconds > 0) entry.nanoseconds = nanoseconds;
  if (kind === "character" || kind === "block") entry.device = header.device;
  const xattrs = xattrsOf(pax);
  if (xattrs.size > 0) entry.xattrs = xattrs;
  return { entry, stored };
}

/**
 * Before POSIX.1-1988 a folder was a file whose name ends with a slash, and some writers still do this (GNU tar and
 * libarchive accept it always, Go's archive/tar if the type is NUL).
 */
function kindOf({ type, size }: TarHeader, path: string, pax: ReadonlyMap<string, string>): TarKind | undefined {
  const kind = type === "S" ? "file" : kinds[type];
  if (kind !== "file" || !path.endsWith("/")) return kind;
  if ((paxNumber(pax, "size") ?? size) > 0) throw new TarError(`${shown(path)} is a folder with content`);
  return "folder";
}

/** A symlink's target is arbitrary text; a hard link's is a path in this archive. */
function linkOf(kind: TarKind, target: string): string {
  if (kind === "symlink") return target;
  return kind === "hardlink" ? insideRoot(target) : "";
}

function paxNumber(pax: ReadonlyMap<string, string>, key: string): number | undefined {
  const text = pax.get(key);
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new TarError(`a pax ${key} is not a number`);
  return value;
}

/**
 * Whole seconds, rounded down by their digits: as a number, many nines would round up to the next second. The range is
 * unlimited; `encodeHeader` clamps it to what squashfs can store.
 */
function paxTime(pax: ReadonlyMap<string, string>): number | undefined {
  const text = pax.get("mtime");
  if (text === undefined) return undefined;
  if (!/^-?\d{1,30}(?:\.\d{0,30})?$/.test(text)) throw new TarError("a pax mtime is not a number");
  const [whole = "", fraction = ""] = text.split(".");
  const isBelow = whole.startsWith("-") && /[1-9]/.test(fraction);
  return Number(whole) - (isBelow ? 1 : 0);
}

/** What `paxTime` rounds down, in whole nanoseconds. */
function paxFraction(pax: ReadonlyMap<string, string>): number {
  const text = pax.get("mtime") ?? "";
  const [, digits = ""] = text.split(".");
  const part = Number(digits.slice(0, 9).padEnd(9, "0"));
  return text.startsWith("-") && part > 0 ? 1_000_000_000 - part : part;
}
