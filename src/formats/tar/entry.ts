/** One member as its headers describe it: the block itself, and the pax records before it. */
import { trimEndOf } from "../../base/trim.ts";
import { shown, type TarEntry, TarError, type TarHeader, type TarKind } from "./header.ts";
import { checkName, insideRoot } from "./names.ts";
import { readPaxMap } from "./sparse.ts";
import { xattrsOf } from "./xattrs.ts";

/** The type of a folder with the list of its files (GNU tar's `--listed-incremental`). */
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

/** What a sparse member's headers say. */
export type Sparse = { parts: { offset: number; length: number }[] | null; size: number; name: string | null };

/** PAX formats 0.0 and 0.1 (the map is in the records) and 1.0 (the map is in the content). */
export function paxSparse(pax: ReadonlyMap<string, string>): Sparse | null {
  const size = paxNumber(pax, "GNU.sparse.realsize") ?? paxNumber(pax, "GNU.sparse.size");
  const name = pax.get("GNU.sparse.name") ?? null;
  const map = pax.get("GNU.sparse.map");
  if (size !== undefined && map !== undefined) return { parts: readPaxMap(map), size, name };
  if (size !== undefined && pax.get("GNU.sparse.major") === "1") return { parts: null, size, name };
  if ([...pax.keys()].some((key) => key.startsWith("GNU.sparse."))) {
    throw new TarError("it holds a sparse file in a form that can't be read");
  }
  return null;
}

/**
 * `stored`: bytes that follow. What is no file has none, whatever its header says (as Go's archive/tar has it); a dumped folder's are
 * its list of files.
 */
export function toEntry(
  header: TarHeader,
  pax: ReadonlyMap<string, string>,
  sparse: Sparse | null,
): { entry: TarEntry; stored: number } {
  const said = sparse?.name ?? pax.get("path") ?? header.name;
  const name = insideRoot(trimEndOf(said, "/"));
  const kind = kindOf(header, said, pax);
  if (!kind) throw new TarError(`${shown(name)} is of an unknown type`);
  if (sparse && kind !== "file") throw new TarError(`${shown(name)} is sparse and no file`);
  const isStored = kind === "file" || header.type === dumpedFolder;
  const stored = isStored ? (paxNumber(pax, "size") ?? header.size) : 0;
  const link = linkOf(kind, pax.get("linkpath") ?? header.link);
  checkName(name, kind, link);
  const entry: TarEntry = {
    ...{ name, kind, mode: header.mode, link, size: sparse?.size ?? (kind === "file" ? stored : 0) },
    uid: paxNumber(pax, "uid") ?? header.uid,
    gid: paxNumber(pax, "gid") ?? header.gid,
    mtime: paxTime(pax) ?? header.mtime,
  };
  if (kind === "character" || kind === "block") entry.device = header.device;
  const xattrs = xattrsOf(pax);
  if (xattrs.size > 0) entry.xattrs = xattrs;
  return { entry, stored };
}

/**
 * Before POSIX.1-1988 a folder was a file whose name ends with a slash, and writers of that kind are still about (GNU tar and
 * libarchive read them so, Go's archive/tar where the type is a NUL).
 */
function kindOf({ type, size }: TarHeader, said: string, pax: ReadonlyMap<string, string>): TarKind | undefined {
  const kind = type === "S" ? "file" : kinds[type];
  if (kind !== "file" || !said.endsWith("/")) return kind;
  if ((paxNumber(pax, "size") ?? size) > 0) throw new TarError(`${shown(said)} is a folder with content`);
  return "folder";
}

/** A symlink's target is text; a hard link's is a path of this archive. */
function linkOf(kind: TarKind, said: string): string {
  if (kind === "symlink") return said;
  return kind === "hardlink" ? insideRoot(said) : "";
}

function paxNumber(pax: ReadonlyMap<string, string>, key: string): number | undefined {
  const text = pax.get(key);
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new TarError(`a pax ${key} is no number`);
  return value;
}

/**
 * Whole seconds, rounded down by the digits: as a number, many nines would become the next second. Of any size, as `encodeHeader`
 * keeps to what squashfs can hold.
 */
function paxTime(pax: ReadonlyMap<string, string>): number | undefined {
  const text = pax.get("mtime");
  if (text === undefined) return undefined;
  if (!/^-?\d{1,30}(?:\.\d{0,30})?$/.test(text)) throw new TarError("a pax mtime is no number");
  const [whole = "", fraction = ""] = text.split(".");
  const isBelow = whole.startsWith("-") && /[1-9]/.test(fraction);
  return Number(whole) - (isBelow ? 1 : 0);
}
