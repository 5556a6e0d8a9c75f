/** The entries of a copy into a guest: what is at a path of this host, as it is now. Links below it are sent as links. */
import { fail } from "../../base/errors/error.ts";
import { errnoOf } from "../../host/errno.ts";
import { type EntryInfo, linkBeneath, listNames, lookAt, realPath, textOfBytes } from "../../host/files/tree.ts";
import type { PlanEntry } from "../../workspace/types.ts";
import { type End, endsAsFolder, lastName, parentOf } from "./place.ts";

/** A source: its own path, byte text, and the folder that its files are opened beneath. */
export type HostSource = End<"folder" | "other"> & {
  info: EntryInfo;
  root: string /** below `root` */;
  relative: string;
};

/** Devices, sockets and FIFOs below a source, which are left out; byte text. */
export type Gathered = { entries: PlanEntry[]; leftOut: string[] };

/**
 * Looks at a source. A link is one itself, unless a slash at the end or `/.` asks for the folder that it leads to.
 * @param path byte text @throws COPY_MISSING, COPY_FAILED
 */
export function hostSource(path: string): HostSource {
  return readable(path, () => {
    const info = lookAt(path);
    if (info === null) throw missing(path);
    if (info.kind === "special")
      throw fail("COPY_FAILED", { path: textOfBytes(path), problem: "it is a device, a socket or a FIFO" });
    const isFolder = info.kind === "folder" || endsAsFolder(path);
    if (isFolder) return { path, kind: "folder", info, root: realPath(path), relative: "" };
    return { path, kind: "other", info, root: realPath(parentOf(path)), relative: lastName(path) };
  });
}

/** @param name in the guest's folder; null: what the folder contains, without itself */
export function gather(source: HostSource, name: string | null): Gathered {
  const gathered: Gathered = { entries: [], leftOut: [] };
  const { info, root, relative } = source;
  if (source.kind === "folder") {
    const folder = lookAt(root) ?? info;
    if (name !== null) gathered.entries.push(entryOf(name, folder));
    addContent(gathered, { root, relative: "", name: name ?? "" });
  } else if (name !== null) add(gathered, { root, relative, name }, info);
  return gathered;
}

type At = { root: string; relative: string; name: string };

function addContent(gathered: Gathered, { root, relative, name }: At): void {
  const folder = joined(root, relative);
  for (const inner of readable(folder, () => listNames(folder))) {
    const below = { root, relative: joined(relative, inner), name: joined(name, inner) };
    const info = readable(folder, () => lookAt(joined(folder, inner)));
    // removed since the folder was listed
    if (info !== null) add(gathered, below, info);
  }
}

function add(gathered: Gathered, at: At, info: EntryInfo): void {
  const { root, relative, name } = at;
  if (info.kind === "special") gathered.leftOut.push(joined(root, relative));
  else if (info.kind === "link") {
    const target = linkBeneath(root, relative);
    if (target !== null) gathered.entries.push({ ...entryOf(name, info), kind: "link", target });
  } else if (info.kind === "folder") {
    gathered.entries.push(entryOf(name, info));
    addContent(gathered, at);
  } else {
    const source = { kind: "disk", root, path: relative } as const;
    gathered.entries.push({ ...entryOf(name, info), kind: "file", size: info.size, source });
  }
}

function entryOf(path: string, { mode, mtimeNs }: EntryInfo): PlanEntry {
  const common = { path, mode: mode & 0o777, size: 0, mtimeNs };
  return { ...common, kind: "folder", origin: "folder", source: { kind: "none" } };
}

function joined(folder: string, name: string): string {
  if (folder === "" || name === "") return `${folder}${name}`;
  return folder.endsWith("/") ? `${folder}${name}` : `${folder}/${name}`;
}

function missing(path: string): Error {
  return fail("COPY_MISSING", {
    path: textOfBytes(path),
    next: "check the path; one in a VM is written VM:PATH, as in `banger vm cp box:/etc/hosts .`",
  });
}

function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || error === null) throw error;
    if (errno === "ENOENT" || errno === "ENOTDIR") throw missing(path);
    throw fail("COPY_FAILED", { path: textOfBytes(path), problem: `it can't be read (${errno})` }, error);
  }
}
