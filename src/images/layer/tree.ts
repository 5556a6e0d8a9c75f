/**
 * A layer's names on top of those of the layers below, while it is unpacked in memory: what is at a path, and where a
 * path leads when symlinks are followed, always inside the root.
 */
import { shown, TarError } from "../../formats/tar/header.ts";
import type { Lower, LowerNode } from "./completion.ts";
import type { FolderFacts } from "./entries.ts";

/** A file, link or device, with any number of names. */
export type Inode = {
  /** number of the entry with its content; 0 for a file of the layers below */
  entry: number;
  below: { path: string; node: LowerNode } | null;
  /** target of a symlink */
  link: string | null;
};

export type Folder = {
  kind: "folder";
  /** null if the folder must exist but the layer does not describe it */
  facts: FolderFacts | null;
  /** hides everything of the layers below */
  isOpaque: boolean;
  children: Map<string, Folder | Leaf>;
  /** names of the layers below that this layer removes here */
  removed: Set<string>;
};
export type Leaf = { kind: "leaf"; inode: Inode };
type Below = { kind: "below"; node: LowerNode };

const maxLinks = 255;
const limits = { nodes: 1_000_000, nameBytes: 64 * 1024 * 1024, pathBytes: 64 * 1024 };

export class Tree {
  readonly root = folderOf(null, false);
  readonly #lower: Lower | null;
  #nodes = 0;
  #nameBytes = 0;

  constructor(lower: Lower | null) {
    this.#lower = lower;
  }

  /** Does not follow symlinks. Null if nothing is there. */
  async find(path: string): Promise<Folder | Leaf | Below | null> {
    let folder = this.root;
    let shows = !folder.isOpaque;
    const parts = path === "" ? [] : path.split("/");
    for (const [at, part] of parts.entries()) {
      const child = folder.children.get(part);
      if (!child) return shows && !folder.removed.has(part) ? this.#below(path) : null;
      if (child.kind === "leaf") return at === parts.length - 1 ? child : null;
      folder = child;
      shows &&= !child.isOpaque;
    }
    return folder;
  }

  /** Where a path leads; missing parts stay as they are. @throws TarError for endless links */
  async resolve(path: string): Promise<string> {
    const todo = path.split("/").reverse();
    let at: string[] = [];
    for (let links = 0; todo.length > 0; ) {
      const part = todo.pop() as string;
      if (part === "..") at.pop();
      if (part === "" || part === "." || part === "..") continue;
      const link = linkIn(await this.find([...at, part].join("/")));
      if (link === null) {
        at.push(part);
        continue;
      }
      if (++links > maxLinks || at.length + todo.length + link.length > limits.pathBytes) {
        throw new TarError(`${shown(path)} leads through too many links`);
      }
      if (link.startsWith("/")) at = [];
      todo.push(...link.split("/").reverse());
    }
    return at.join("/");
  }

  /** The folder at a path that `resolve` returned, created if needed. @throws TarError */
  folderAt(path: string): Folder {
    let folder = this.root;
    for (const part of path === "" ? [] : path.split("/")) {
      const child = folder.children.get(part) ?? this.put(folder, part, folderOf(null, folder.removed.has(part)));
      if (child.kind === "leaf") throw new TarError(`${shown(path)} is below ${shown(part)}, which is not a folder`);
      folder = child;
    }
    return folder;
  }

  /** Puts a node at a name, replacing what was there. @throws TarError if there are too many */
  put<T extends Folder | Leaf>(folder: Folder, name: string, node: T): T {
    folder.children.set(name, node);
    this.#nameBytes += name.length;
    if (++this.#nodes > limits.nodes || this.#nameBytes > limits.nameBytes) {
      throw new TarError("it contains too many files for a layer whose names occur twice or lead through links");
    }
    return node;
  }

  async #below(path: string): Promise<Below | null> {
    const node = await this.#lower?.lookup(path);
    return node ? { kind: "below", node } : null;
  }
}

export function folderOf(facts: FolderFacts | null, isOpaque: boolean): Folder {
  return { kind: "folder", facts, isOpaque, children: new Map(), removed: new Set() };
}

function linkIn(found: Folder | Leaf | Below | null): string | null {
  if (found?.kind === "leaf") return found.inode.link;
  return found?.kind === "below" && found.node.kind === "symlink" ? found.node.link : null;
}
