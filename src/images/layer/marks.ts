/**
 * Special names and attributes in a layer (OCI image specification, "Whiteouts"): whiteouts, aufs leftovers, and
 * overlayfs marks, which an untrusted layer must not set.
 */
import { shown, type TarEntry, TarError } from "../../formats/tar/header.ts";
import type { LayerKind } from "./entries.ts";
import { baseOf, joined, parentOf } from "./paths.ts";

export const whiteout = ".wh.";
/** Prefix of aufs's own files and folders, which are not part of the file system. */
export const aufs = ".wh..wh.";
const opaqueMarker = ".wh..wh..opq";

/** `opaque`: hides everything below that folder; `whiteout`: hides everything below that name. */
export type Mark = { kind: "opaque" | "whiteout"; path: string } | { kind: "bookkeeping" };

/** Null for an ordinary name. @throws TarError for a whiteout of nothing */
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

/** True in one of aufs's top-level folders, whose files hold the content of hard links. */
export function isBelowAufs(path: string): boolean {
  return path.startsWith(aufs) && path.includes("/");
}

/** The entry without attributes that squashfs can't store, and without overlayfs's marks unless they are data. */
export function keptEntry(raw: TarEntry, name: string, as: LayerKind): TarEntry {
  const xattrs = raw.xattrs && keptXattrs(raw.xattrs, as === "data");
  return { ...raw, name, ...(xattrs === undefined ? {} : { xattrs }) };
}

/** A character device 0/0 is overlayfs's own whiteout: it would hide something instead of being a device. */
export function isWhiteoutDevice({ kind, device }: TarEntry): boolean {
  return kind === "character" && (device?.major ?? 0) === 0 && (device?.minor ?? 0) === 0;
}

/**
 * A folder of an overlay's upper layer that hides what is below it (kernel Documentation/filesystems/overlayfs.rst).
 */
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
