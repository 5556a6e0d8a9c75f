/**
 * The end of a layer: its folders, whiteouts and hard links, completed by what the layers below it have. A layer that
 * says everything about itself is the same above any other; one that had to be completed is not.
 */
import { shown, type TarEntry, TarError } from "../../formats/tar/header.ts";
import { type FolderFacts, type LayerEntries, NeedsSecondRead } from "./entries.ts";
import { foldersOf } from "./paths.ts";

/** A file, folder or link of the layers below, with its content. */
export type LowerNode = Omit<TarEntry, "name"> & {
  content(): AsyncIterable<Uint8Array>;
  /** null: it has no other name */
  file: FileKey | null;
};

/** Tells files below apart: two names with one key are hard links. */
export type FileKey = string;

/** The layers below one, seen as one tree. */
export type Lower = {
  /** does not follow a symlink at the end */
  lookup(path: string): Promise<LowerNode | null>;
  /** every name of those files */
  namesOf(files: ReadonlySet<FileKey>): Promise<Map<FileKey, string[]>>;
};

export type Addition = { entry: TarEntry; content?: AsyncIterable<Uint8Array> };

export type Completion = {
  additions: AsyncIterable<Addition>;
  /** it was completed by what is below it, or has less because of that */
  isBound(): boolean;
};

/** Of a folder that nobody describes. */
export const plainFolder: FolderFacts = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };

/** Whether the end depends on the layers below. */
export function needsLowerLayers({ folders, links, whiteouts, opaque, leftOut }: LayerEntries): boolean {
  if (whiteouts.size > 0) return true;
  for (const path of opaque) if (path !== "" && !folders.get(path)) return true;
  for (const facts of folders.values()) if (facts === null) return true;
  return links.some(({ target }) => !leftOut.has(target));
}

/** @param lower null: there is nothing below @throws Irregular where a path leads through a symlink */
export async function completeLayer(entries: LayerEntries, lower: Lower | null): Promise<Completion> {
  const end = new LayerCompleter(entries, lower);
  if (await end.leadsElsewhere()) throw new NeedsSecondRead();
  return { additions: end.additions(), isBound: () => end.isBound };
}

class LayerCompleter {
  isBound = false;
  readonly #entries: LayerEntries;
  readonly #lower: Lower | null;
  /** whiteouts that hide something */
  readonly #hiding: string[] = [];

  constructor(entries: LayerEntries, lower: Lower | null) {
    this.#entries = entries;
    this.#lower = lower;
  }

  /** One of its paths is not where it seems: a folder is a symlink below, or a link's target is reached through one. */
  async leadsElsewhere(): Promise<boolean> {
    const { folders, links, whiteouts, opaque, names } = this.#entries;
    for (const [path, facts] of folders) if (facts === null && (await this.#isLinkBelow(path))) return true;
    for (const path of [...whiteouts, ...[...opaque].map((folder) => `${folder}/x`)]) {
      for (const folder of foldersOf(path)) {
        if (folders.has(folder)) continue;
        if (this.#lower && (names.has(folder) || (await this.#isLinkBelow(folder)))) return true;
      }
    }
    for (const { target } of links) if (await this.#isElsewhere(target)) return true;
    return false;
  }

  async #isLinkBelow(path: string): Promise<boolean> {
    return (await this.#below(path))?.kind === "symlink";
  }

  async #isElsewhere(target: string): Promise<boolean> {
    const { names, folders, leftOut } = this.#entries;
    if (leftOut.has(target) || folders.has(target)) return false;
    for (const folder of foldersOf(target)) if (names.has(folder)) return true;
    const isBelow = (await this.#lower?.lookup(target)) != null;
    // one that comes later is not what was meant where there is one below
    return names.has(target) ? isBelow : !isBelow;
  }

  async *additions(): AsyncGenerator<Addition, void, void> {
    yield* this.#links();
    await this.#sortWhiteouts();
    const { folders, opaque } = this.#entries;
    for (const [name, said] of folders) {
      const facts = said ?? (await this.#folderBelow(name));
      yield { entry: folderEntry(name, facts, opaque.has(name)) };
    }
    for (const name of this.#hiding) yield { entry: whiteoutEntry(name) };
  }

  /** What is below a path does not show through: one of its folders is new here. */
  #isCutOff(path: string): boolean {
    const { opaque, whiteouts } = this.#entries;
    if (opaque.has("")) return true;
    for (const folder of foldersOf(path)) if (opaque.has(folder) || whiteouts.has(folder)) return true;
    return whiteouts.has(path);
  }

  /** Nothing of this layer is at a path of a file below, or in place of one of its folders. */
  #showsThrough(path: string): boolean {
    const { names, folders } = this.#entries;
    if (names.has(path) || folders.has(path) || this.#isCutOff(path)) return false;
    for (const folder of foldersOf(path)) if (names.has(folder)) return false;
    return true;
  }

  async #below(path: string): Promise<LowerNode | null> {
    return this.#lower && !this.#isCutOff(path) ? this.#lower.lookup(path) : null;
  }

  async #folderBelow(path: string): Promise<FolderFacts> {
    this.isBound = true;
    const below = await this.#below(path);
    return below?.kind === "folder" ? below : plainFolder;
  }

  /** What replaces a folder makes the new one opaque; what hides nothing is left out. */
  async #sortWhiteouts(): Promise<void> {
    const { whiteouts, opaque, folders, names } = this.#entries;
    for (const path of opaque) {
      if (path === "" || folders.has(path) || whiteouts.has(path)) continue;
      if ((await this.#shownBelow(path))?.kind === "folder") this.#entries.imply(`${path}/x`);
      else this.isBound = true;
    }
    for (const path of whiteouts) {
      if (folders.has(path)) opaque.add(path);
      else if (!names.has(path)) {
        if (await this.#shownBelow(path)) {
          this.#hiding.push(path);
          this.#entries.imply(path);
        } else this.isBound = true;
      }
    }
  }

  /** What is below a name that is not of this layer. */
  async #shownBelow(path: string): Promise<LowerNode | null> {
    if (this.#entries.names.has(path) || this.#isHiddenAbove(path)) return null;
    return (await this.#lower?.lookup(path)) ?? null;
  }

  /** One of its folders is new here, or no folder any more. */
  #isHiddenAbove(path: string): boolean {
    const { opaque, whiteouts, names } = this.#entries;
    if (opaque.has("")) return true;
    for (const folder of foldersOf(path)) {
      if (opaque.has(folder) || whiteouts.has(folder) || names.has(folder)) return true;
    }
    return false;
  }

  /**
   * A target that is only below comes into this layer too, with every other name that shows there, so that all of them are
   * one file again.
   */
  async *#links(): AsyncGenerator<Addition, void, void> {
    const { links, names, folders, leftOut } = this.#entries;
    const pending = new Set(links.map(({ entry }) => entry.name));
    const copies = await this.#targetsBelow(pending);
    for (const { entry, target } of links) {
      if (leftOut.has(target)) continue;
      const copy = copies.get(target);
      if (copy?.isWritten === false) yield* this.#copied(copy, entry.name);
      const isHere = names.has(target) && !pending.has(target);
      pending.delete(entry.name);
      if (copy) {
        // where its old name is removed, the first link is the file
        if (copy.at !== entry.name) yield { entry: { ...entry, link: copy.at } };
      } else if (isHere) yield { entry: { ...entry, link: target } };
      else if (names.has(target) || folders.has(target)) {
        throw new TarError(`${shown(entry.name)} links to ${shown(target)}, which comes later or is a folder`);
      } else throw new TarError(`${shown(entry.name)} links to ${shown(target)}, which is no file`);
    }
  }

  /** Files of the layers below that are linked to from here, by each name that is linked to. */
  async #targetsBelow(pending: ReadonlySet<string>): Promise<Map<string, Copy>> {
    const { links, names, folders, leftOut } = this.#entries;
    const copies = new Map<string, Copy>();
    const byFile = new Map<FileKey, Copy>();
    for (const { target } of links) {
      if (names.has(target) || folders.has(target) || pending.has(target) || copies.has(target) || leftOut.has(target))
        continue;
      const node = await this.#lower?.lookup(target);
      if (!node || node.kind === "folder") continue;
      this.isBound = true;
      const known = node.file === null ? undefined : byFile.get(node.file);
      const copy = known ?? { node, names: [target], at: "", isWritten: false };
      if (node.file !== null) byFile.set(node.file, copy);
      copies.set(target, copy);
    }
    if (byFile.size > 0 && this.#lower) {
      for (const [file, all] of await this.#lower.namesOf(new Set(byFile.keys()))) {
        const copy = byFile.get(file);
        if (copy) copy.names = all;
      }
    }
    return copies;
  }

  /** @param link the name that asks for it */
  async *#copied(copy: Copy, link: string): AsyncGenerator<Addition, void, void> {
    const { names } = this.#entries;
    copy.isWritten = true;
    const { content, file: _, ...node } = copy.node;
    const shownNames = copy.names.filter((name) => this.#showsThrough(name));
    copy.at = shownNames[0] ?? link;
    for (const name of shownNames) {
      names.add(name);
      this.#entries.imply(name);
      if (name === copy.at) yield { entry: { ...node, name }, content: content() };
      else yield { entry: { ...node, name, kind: "hardlink", size: 0, link: copy.at } };
    }
    if (shownNames.length === 0) yield { entry: { ...node, name: link }, content: content() };
  }
}

/** A file from below that comes into this layer. */
type Copy = { node: LowerNode; names: string[] /** the name that is the file here */; at: string; isWritten: boolean };

export function folderEntry(name: string, facts: FolderFacts, isOpaque: boolean): TarEntry {
  const { mode, uid, gid, mtime } = facts;
  const xattrs = new Map(facts.xattrs ?? []);
  if (isOpaque) xattrs.set("trusted.overlay.opaque", "y");
  return { name, kind: "folder", mode, uid, gid, mtime, size: 0, link: "", ...(xattrs.size > 0 ? { xattrs } : {}) };
}

/** As overlayfs wants it: a character device 0/0. */
export function whiteoutEntry(name: string): TarEntry {
  const device = { major: 0, minor: 0 };
  return { name, kind: "character", mode: 0, uid: 0, gid: 0, mtime: 0, size: 0, link: "", device };
}
