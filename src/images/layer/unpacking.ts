/**
 * Unpacks a layer in memory, name by name and in its order, when one read is not enough: names that occur twice and
 * change their kind, paths through symlinks. The result is what `umoci unpack` makes of it.
 */
import { shown, type TarEntry, TarError } from "../../formats/tar/header.ts";
import type { FileKey, Lower, LowerNode } from "./completion.ts";
import { type EntryRules, type FolderFacts, layerLimits } from "./entries.ts";
import { isBelowAufs, isOpaque, isWhiteoutDevice, keptEntry, type Mark, markOf } from "./marks.ts";
import { baseOf, joined, parentOf, pathOf } from "./paths.ts";
import { type Folder, folderOf, type Inode, Tree } from "./tree.ts";

export class Unpacking {
  readonly tree: Tree;
  root: FolderFacts | null = null;
  readonly #rules: EntryRules;
  readonly #maxPending: number;
  /** files of the layers below that have a name in this layer, by key or path */
  readonly #fromBelow = new Map<FileKey, Inode>();
  /** content of hard links that aufs stored separately, by path */
  readonly #aufs = new Map<string, Inode>();
  readonly #leftOut = new Set<string>();
  /** hard links that arrived before their target */
  readonly #early: { path: string; target: string }[] = [];
  #isFilled = false;
  #count = 0;

  /** @param maxPending entries of each kind that are kept until the end */
  constructor(lower: Lower | null, rules: EntryRules, maxPending = layerLimits.pending) {
    this.tree = new Tree(lower);
    this.#rules = rules;
    this.#maxPending = maxPending;
  }

  /** @throws TarError */
  async apply(raw: TarEntry): Promise<void> {
    const number = ++this.#count;
    const name = pathOf(raw.name);
    const { as = "layer", leaveOut, unlessEmpty } = this.#rules;
    if (unlessEmpty !== undefined && name.startsWith(`${unlessEmpty}/`)) this.#isFilled = true;
    if (as === "changes" && isWhiteoutDevice(raw)) return this.#mark({ kind: "whiteout", path: name });
    if (leaveOut?.(name, raw.kind)) return this.#leaveOut(name);
    const mark = as === "layer" ? markOf(name) : null;
    if (mark?.kind === "bookkeeping") return this.#keepAside(name, raw, number);
    if (mark) return this.#mark(mark);
    if (name === "") this.root = factsOf(keptEntry(raw, name, as));
    else if (raw.kind === "folder") await this.#folder(keptEntry(raw, name, as));
    else if (as !== "data" && isWhiteoutDevice(raw)) this.#leaveOut(name);
    else await this.#leaf(name, raw, number);
    if (as === "changes" && isOpaque(raw)) await this.#mark({ kind: "opaque", path: name });
  }

  /** Call it after the last entry. @throws TarError for links whose target never arrived */
  async finish(): Promise<void> {
    const { unlessEmpty } = this.#rules;
    if (unlessEmpty !== undefined && !this.#isFilled) this.tree.root.children.delete(unlessEmpty);
    for (const { path, target } of this.#early) {
      const inode = await this.#inodeAt(path, target);
      if (!inode) throw new TarError(`${shown(path)} links to ${shown(target)}, which is not a file`);
      const folder = this.tree.folderAt(parentOf(path));
      if (!folder.children.has(baseOf(path))) this.tree.put(folder, baseOf(path), { kind: "leaf", inode });
    }
  }

  async #folder(entry: TarEntry): Promise<void> {
    const parent = this.tree.folderAt(await this.tree.resolve(parentOf(entry.name)));
    const base = baseOf(entry.name);
    const there = parent.children.get(base);
    if (there?.kind === "folder") there.facts = factsOf(entry);
    // what it replaces had hidden a folder below
    else this.tree.put(parent, base, folderOf(factsOf(entry), there !== undefined || parent.removed.has(base)));
  }

  async #leaf(name: string, raw: TarEntry, number: number): Promise<void> {
    const base = baseOf(name);
    const path = joined(await this.tree.resolve(parentOf(name)), base);
    const parent = this.tree.folderAt(parentOf(path));
    if (raw.kind === "hardlink" && this.#leftOut.has(pathOf(raw.link))) return this.#leaveOut(name);
    this.#leftOut.delete(name);
    if (raw.kind === "hardlink") return this.#link(path, pathOf(raw.link));
    const link = raw.kind === "symlink" ? raw.link : null;
    this.tree.put(parent, base, { kind: "leaf", inode: { entry: number, below: null, link } });
  }

  async #link(path: string, target: string): Promise<void> {
    const parent = this.tree.folderAt(parentOf(path));
    const inode = await this.#inodeAt(path, target);
    if (inode) this.tree.put(parent, baseOf(path), { kind: "leaf", inode });
    else if (this.#early.push({ path, target }) > this.#maxPending)
      throw new TarError("it contains too many hard links");
  }

  /** The target of a hard link; symlinks are followed on the way, not at the end. @throws TarError for a folder */
  async #inodeAt(from: string, target: string): Promise<Inode | null> {
    const aside = this.#aufs.get(target);
    if (aside) return aside;
    const path = joined(await this.tree.resolve(parentOf(target)), baseOf(target));
    const found = await this.tree.find(path);
    // even itself: GNU tar writes this for a file with several names that is given twice
    if (found?.kind === "leaf") return found.inode;
    if (path === from) throw new TarError(`${shown(target)} links to itself`);
    if (!found) return null;
    if (found.kind === "folder" || found.node.kind === "folder")
      throw new TarError(`${shown(from)} links to ${shown(target)}, which is a folder`);
    return this.#inodeBelow(path, found.node);
  }

  #inodeBelow(path: string, node: LowerNode): Inode {
    const key = node.file ?? `only ${path}`;
    const link = node.kind === "symlink" ? node.link : null;
    const inode = this.#fromBelow.get(key) ?? { entry: 0, below: { path, node }, link };
    this.#fromBelow.set(key, inode);
    return inode;
  }

  async #mark(mark: Exclude<Mark, { kind: "bookkeeping" }>): Promise<void> {
    const { tree } = this;
    if (mark.kind === "opaque") {
      const path = await tree.resolve(mark.path);
      if (isFolder(await tree.find(path))) empty(tree.folderAt(path));
      return;
    }
    const [parent, base] = [await tree.resolve(parentOf(mark.path)), baseOf(mark.path)];
    const found = await tree.find(joined(parent, base));
    // what this layer itself has there stays, except what shows through it from below
    if (found?.kind === "folder" && !isOnlyMarks(found)) empty(found);
    else if (found && found.kind !== "leaf") {
      const folder = tree.folderAt(parent);
      folder.children.delete(base);
      folder.removed.add(base);
    }
  }

  #keepAside(name: string, { kind }: TarEntry, number: number): void {
    if (kind === "file" && isBelowAufs(name)) this.#aufs.set(name, { entry: number, below: null, link: null });
    if (this.#aufs.size > this.#maxPending) throw new TarError("it contains too many hard links");
  }

  #leaveOut(name: string): void {
    if (this.#leftOut.add(name).size > this.#maxPending) throw new TarError("too many entries have to be left out");
  }
}

/** Hides everything of the layers below from here on. */
function empty(folder: Folder): void {
  folder.isOpaque = true;
  for (const [name, child] of folder.children)
    if (child.kind === "folder" && isOnlyMarks(child)) folder.children.delete(name);
}

/** It contains nothing but marks. */
function isOnlyMarks({ facts, children }: Folder): boolean {
  return facts === null && [...children.values()].every((child) => child.kind === "folder" && isOnlyMarks(child));
}

function factsOf({ mode, uid, gid, mtime, xattrs }: TarEntry): FolderFacts {
  return { mode, uid, gid, mtime, ...(xattrs ? { xattrs } : {}) };
}

function isFolder(found: Awaited<ReturnType<Tree["find"]>>): boolean {
  return found?.kind === "folder" || (found?.kind === "below" && found.node.kind === "folder");
}
