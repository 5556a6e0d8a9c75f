/**
 * What names and attributes of a layer mean (OCI image specification, "Whiteouts"): what removes something below, what aufs
 * left behind, and which of overlayfs's own marks a stranger may not set.
 */
import { shown, type TarEntry, TarError } from "../../formats/tar/header.ts";
import type { LayerKind } from "./entries.ts";
import { baseOf, joined, parentOf } from "./paths.ts";

export const whiteout = ".wh.";
/** Begins the names of aufs's own files and folders, which are no part of the file system. */
export const aufs = ".wh..wh.";
const opaqueMarker = ".wh..wh..opq";

/** `opaque`: nothing shows of what is below that folder; `whiteout`: nothing of what is below that name. */
export type Mark = { kind: "opaque" | "whiteout"; path: string } | { kind: "bookkeeping" };

/** Null: the name is only a name. @throws TarError for a whiteout of nothing */
export function markOf(path: string): Mark | null {
  const [parent, base] = [parentOf(path), baseOf(path)];
  if (isBelowAufs(path)) return { kind: "bookkeeping" };
  if (base === opaqueMarker) return { kind: "opaque", path: parent };
  if (!base.startsWith(whiteout)) return null;
  if (base.startsWith(aufs)) return { kind: "bookkeeping" };
  const removed = base.slice(whiteout.length);
  if (removed === "" || removed === "." || removed === "..") throw new TarError(`${shown(path)} removes nothing`);
  return { kind: "whiteout", path: joined(parent, removed) };
}

/** In one of aufs's folders at the top, whose files are content of hard links. */
export function isBelowAufs(path: string): boolean {
  return path.startsWith(aufs) && path.includes("/");
}

/** Without the attributes that squashfs can't hold, and without overlayfs's marks where they aren't data. */
export function keptEntry(raw: TarEntry, name: string, as: LayerKind): TarEntry {
  const xattrs = raw.xattrs && keptXattrs(raw.xattrs, as === "data");
  return { ...raw, name, ...(xattrs === undefined ? {} : { xattrs }) };
}

/** A character device 0/0 is overlayfs's own whiteout: it would hide what it should be. */
export function isWhiteoutDevice({ kind, device }: TarEntry): boolean {
  return kind === "character" && (device?.major ?? 0) === 0 && (device?.minor ?? 0) === 0;
}

/** A folder of an overlay's upper half that hides what is below it (kernel Documentation/filesystems/overlayfs.rst). */
export function isOpaque({ kind, xattrs }: TarEntry): boolean {
  return kind === "folder" && xattrs?.get("trusted.overlay.opaque") === "y";
}

function keptXattrs(xattrs: ReadonlyMap<string, string>, isData: boolean): ReadonlyMap<string, string> | null {
  const isKept = (name: string) => /^(?:user|trusted|security)\../.test(name) && (isData || !isOverlays(name));
  const kept = [...xattrs].filter(([name]) => isKept(name));
  return kept.length === 0 ? null : new Map(kept);
}

function isOverlays(name: string): boolean {
  return name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.");
}
