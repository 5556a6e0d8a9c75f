/** A union as tar entries, for merging layers and for exporting an image. */
import { SquashfsError } from "../../formats/squashfs/reader.ts";
import type { TarEntry, TarKind } from "../../formats/tar/header.ts";
import { encodeHeader, endOfArchive, padding } from "../../formats/tar/writer.ts";
import type { RootFacts } from "../../model/artifact.ts";
import type { Union, UnionNode } from "./union.ts";

export type UnionEntry = { entry: TarEntry /** only of files */; content?: AsyncIterable<Uint8Array> };

/** most remembered files with several names */
const maxLinked = 2_000_000;

/** Folders before their content; the second name of a file is a hard link to the first. The root is left out. */
export async function* unionTar(union: Union): AsyncGenerator<UnionEntry, void, void> {
  const first = new Map<string, string>();
  for await (const { path, node } of union.walk()) {
    const key = `${node.layer} ${node.inode}`;
    const known = node.links > 1 && node.kind !== "folder" ? first.get(key) : undefined;
    const entry = await entryOf(union, path, node);
    if (known !== undefined) {
      yield { entry: { ...entry, kind: "hardlink", size: 0, link: known } };
      continue;
    }
    if (node.links > 1 && node.kind !== "folder") first.set(key, path);
    if (first.size > maxLinked) throw new SquashfsError("it has too many hard links");
    yield node.kind === "file" ? { entry, content: union.content(node) } : { entry };
  }
}

/** The whole union as a tar stream, beginning with its root folder. */
export async function* rootfsTar(
  union: Union,
  root: RootFacts & { mtime: number },
): AsyncGenerator<Uint8Array, void, void> {
  yield encodeHeader({ name: "./", kind: "folder", ...root, size: 0, link: "" });
  for await (const { entry, content } of unionTar(union)) {
    yield encodeHeader(entry);
    for await (const chunk of content ?? []) yield chunk;
    yield padding(entry.size);
  }
  yield endOfArchive;
}

async function entryOf(union: Union, path: string, node: UnionNode): Promise<TarEntry> {
  const { mode, uid, gid, mtime, link, device } = node;
  const kind = node.kind as TarKind;
  const xattrs = await union.xattrs(node);
  if (node.opaque) xattrs.set("trusted.overlay.opaque", "y");
  const size = kind === "file" ? node.size : 0;
  return { name: path, kind, mode, uid, gid, mtime, size, link, device, ...(xattrs.size > 0 ? { xattrs } : {}) };
}
