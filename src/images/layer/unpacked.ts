/** The result of unpacking a layer: which of its entries are used, under which names, and what has to be added. */
import type { TarEntry } from "../../formats/tar/header.ts";
import { type Addition, type Completion, folderEntry, type Lower, plainFolder, whiteoutEntry } from "./completion.ts";
import { joined, parentOf } from "./paths.ts";
import type { Folder, Inode, Tree } from "./tree.ts";

export type Unpacked = Completion & {
  /** names by the number of their entry; entries without a name are not used */
  placed: ReadonlyMap<number, string>;
  /** number of names that are not folders */
  files: number;
};

/** @param lower null if there are no layers below */
export async function resultOf(tree: Tree, lower: Lower | null): Promise<Unpacked> {
  const names = namesIn(tree.root);
  await addNamesBelow(tree, lower, names);
  const placed = new Map<number, string>();
  for (const [inode, [first]] of names) if (inode.entry > 0) placed.set(inode.entry, first as string);
  const files = [...names.values()].reduce((sum, all) => sum + all.length, 0);
  return { additions: additions(tree, lower, names), isBound: () => true, placed, files };
}

type Names = Map<Inode, string[]>;

function namesIn(root: Folder): Names {
  const names: Names = new Map();
  const todo: [string, Folder][] = [["", root]];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const [path, folder] = next;
    for (const [name, node] of folder.children) {
      const child = joined(path, name);
      if (node.kind === "folder") todo.push([child, node]);
      else names.set(node.inode, [...(names.get(node.inode) ?? []), child]);
    }
  }
  return names;
}

/** Adds the names of files below that this layer links to, as far as they are still visible. */
async function addNamesBelow(tree: Tree, lower: Lower | null, names: Names): Promise<void> {
  const files = [...names.keys()].flatMap(({ below }) => below?.node.file ?? []);
  const linked = files.length > 0 ? await lower?.namesOf(new Set(files)) : undefined;
  for (const [inode, all] of names) {
    if (!inode.below) continue;
    const { path, node } = inode.below;
    const old = node.file === null ? [path] : (linked?.get(node.file) ?? []);
    for (const name of old) {
      if ((await tree.find(name))?.kind !== "below") continue;
      tree.folderAt(parentOf(name));
      all.push(name);
    }
  }
}

async function* additions(tree: Tree, lower: Lower | null, names: Names): AsyncGenerator<Addition, void, void> {
  for (const [{ below }, [first = "", ...others]] of names) {
    if (below) {
      const { content, file: _, ...node } = below.node;
      yield { entry: { ...node, name: first }, content: content() };
    }
    for (const name of others) yield { entry: linkEntry(name, first) };
  }
  yield* folders(tree, lower);
}

async function* folders(tree: Tree, lower: Lower | null): AsyncGenerator<Addition, void, void> {
  const todo: [path: string, folder: Folder, shows: boolean][] = [["", tree.root, lower !== null]];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const [path, folder, aboveShows] = next;
    const shows = aboveShows && !folder.isOpaque;
    if (path !== "") {
      const below = folder.facts === null && shows ? await lower?.lookup(path) : null;
      const facts = folder.facts ?? (below?.kind === "folder" ? below : plainFolder);
      yield { entry: folderEntry(path, facts, folder.isOpaque) };
    }
    for (const name of folder.removed)
      if (shows && !folder.children.has(name)) yield { entry: whiteoutEntry(joined(path, name)) };
    for (const [name, node] of folder.children)
      if (node.kind === "folder") todo.push([joined(path, name), node, shows]);
  }
}

function linkEntry(name: string, link: string): TarEntry {
  return { name, kind: "hardlink", mode: 0o644, uid: 0, gid: 0, mtime: 0, size: 0, link };
}
