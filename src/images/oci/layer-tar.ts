/** Writes a stored layer as the tar stream of an OCI layer: overlayfs's marks become `.wh.` whiteouts again. */
import type { Squashfs } from "../../formats/squashfs/reader.ts";
import type { TarEntry } from "../../formats/tar/header.ts";
import { encodeHeader, endOfArchive, padding } from "../../formats/tar/writer.ts";
import type { RootFacts } from "../../model/artifact.ts";
import { baseOf, joined, parentOf } from "../layer/paths.ts";
import { unionTar } from "../union/tar.ts";
import { Union } from "../union/union.ts";

const opaque = "trusted.overlay.opaque";

/** @param root attributes of the root folder, if the layer has them */
export async function* layerTar(layer: Squashfs, root: RootFacts | null): AsyncGenerator<Uint8Array, void, void> {
  if (root) {
    const { mtime } = layer.root;
    yield encodeHeader({ name: "./", kind: "folder", ...root, mtime, size: 0, link: "" });
  }
  for await (const { entry, content } of unionTar(new Union([layer], { keepWhiteouts: true }))) {
    if (isWhiteout(entry)) {
      yield encodeHeader(marker(joined(parentOf(entry.name), `.wh.${baseOf(entry.name)}`), entry));
      continue;
    }
    yield encodeHeader(withoutMark(entry));
    for await (const chunk of content ?? []) yield chunk;
    yield padding(entry.size);
    if (entry.xattrs?.get(opaque) === "y") yield encodeHeader(marker(joined(entry.name, ".wh..wh..opq"), entry));
  }
  yield endOfArchive;
}

function isWhiteout({ kind, device }: TarEntry): boolean {
  return kind === "character" && device?.major === 0 && device.minor === 0;
}

function marker(name: string, { mtime }: TarEntry): TarEntry {
  return { name, kind: "file", mode: 0o644, uid: 0, gid: 0, size: 0, mtime, link: "" };
}

function withoutMark(entry: TarEntry): TarEntry {
  if (!entry.xattrs?.has(opaque)) return entry;
  const xattrs = new Map([...entry.xattrs].filter(([name]) => name !== opaque));
  return { ...entry, xattrs };
}
