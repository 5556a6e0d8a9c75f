/** Opens an image's layers as one tree. */
import { openSquashfs } from "../formats/squashfs/reader.ts";
import { openForRead } from "../host/files/random-access.ts";
import type { LayerRef } from "../model/artifact.ts";
import type { Paths } from "../model/paths.ts";
import type { Lower } from "./layer/completion.ts";
import { Union, type UnionNode, type UnionOptions } from "./union/union.ts";

/** Calls `use` with the tree, then closes the files. @param layers lowest first @throws SquashfsError */
export async function withUnion<T>(
  paths: Paths,
  layers: readonly LayerRef[],
  use: (union: Union) => Promise<T>,
  options: UnionOptions = {},
): Promise<T> {
  const { union, close } = await openUnion(paths, layers, options);
  try {
    return await use(union);
  } finally {
    await close();
  }
}

export async function openUnion(
  paths: Paths,
  layers: readonly LayerRef[],
  options: UnionOptions = {},
): Promise<{ union: Union; close(): Promise<void> }> {
  const files: { close(): Promise<void> }[] = [];
  const close = async () => void (await Promise.all(files.map((file) => file.close())));
  try {
    const opened = [];
    for (const { digest } of layers) {
      const file = await openForRead(paths.layer(digest));
      files.push(file);
      opened.push(await openSquashfs(file, file.size));
    }
    return { union: new Union(opened, options), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The view that a layer above has of the layers below. */
export function lowerOf(union: Union): Lower {
  return {
    async lookup(path) {
      const node = await union.lookup(path);
      if (!node) return null;
      const { mode, uid, gid, mtime, size, link, device } = node;
      const kind = node.kind === "socket" ? "fifo" : node.kind;
      const xattrs = await union.xattrs(node);
      const bytes = kind === "file" ? size : 0;
      const file = node.links > 1 && kind !== "folder" ? keyOf(node) : null;
      return {
        kind,
        mode,
        uid,
        gid,
        mtime,
        size: bytes,
        link,
        device,
        xattrs,
        content: () => contentOf(union, node),
        file,
      };
    },
    async namesOf(files) {
      const found = new Map([...files].map((file) => [file, [] as string[]]));
      for await (const { path, node } of union.walk()) found.get(keyOf(node))?.push(path);
      return found;
    },
  };
}

async function* contentOf(union: Union, node: UnionNode): AsyncGenerator<Uint8Array, void, void> {
  if (node.kind === "file") yield* union.content(node);
}

function keyOf({ layer, inode }: UnionNode): string {
  return `${layer} ${inode}`;
}
