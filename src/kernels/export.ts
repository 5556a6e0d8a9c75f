/**
 * Exports a stored kernel as the tar stream of a package, which importing accepts: the kernel, its configuration and
 * its modules.
 */
import { openSquashfs, type Squashfs, type SquashNode } from "../formats/squashfs/reader.ts";
import type { TarEntry } from "../formats/tar/header.ts";
import { encodeHeader, endOfArchive, padding } from "../formats/tar/writer.ts";
import { exists, readStream, sizeOf } from "../host/files/files.ts";
import { openForRead } from "../host/files/random-access.ts";
import type { KernelRecord } from "../model/artifact.ts";
import type { Paths } from "../model/paths.ts";

/** Reproducible. */
export async function* exportKernel(
  paths: Paths,
  { digest, release }: KernelRecord,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const { vmlinux, config, modules } = paths.kernel(digest);
  yield folder("boot");
  yield* fileOf(`boot/vmlinuz-${release}`, vmlinux, signal);
  if (await exists(config)) yield* fileOf(`boot/config-${release}`, config, signal);
  for (const name of ["lib", "lib/modules", `lib/modules/${release}`]) yield folder(name);
  yield* modulesOf(modules, `lib/modules/${release}`, signal);
  yield endOfArchive;
}

async function* fileOf(name: string, path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  const size = await sizeOf(path);
  yield encodeHeader({ ...plain, name, kind: "file", size });
  for await (const chunk of readStream(path)) {
    signal.throwIfAborted();
    yield chunk;
  }
  yield padding(size);
}

async function* modulesOf(path: string, below: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  const file = await openForRead(path);
  try {
    const squashfs = await openSquashfs(file, file.size);
    yield* treeOf(squashfs, squashfs.root, below, signal);
  } finally {
    await file.close();
  }
}

/** Folders and files; modules need nothing else. */
async function* treeOf(
  squashfs: Squashfs,
  from: SquashNode,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  for (const { name, node: read } of await squashfs.list(from)) {
    signal.throwIfAborted();
    const node = await read();
    const inner = `${path}/${name}`;
    if (node.kind === "folder") {
      yield folder(inner);
      yield* treeOf(squashfs, node, inner, signal);
    } else if (node.kind === "file") {
      yield encodeHeader({ ...plain, name: inner, kind: "file", size: node.size });
      yield* squashfs.content(node);
      yield padding(node.size);
    }
  }
}

const plain: Omit<TarEntry, "name" | "kind" | "size"> = { mode: 0o644, uid: 0, gid: 0, mtime: 0, link: "" };

function folder(name: string): Uint8Array {
  return encodeHeader({ ...plain, name, kind: "folder", mode: 0o755, size: 0 });
}
