/**
 * Completes a layer at its end: folders, whiteouts and hard links take what they lack from the layers below. A layer
 * that needs nothing from them is the same above any others; one that was completed is not.
 */
import { shown, type TarEntry, TarError } from "../../formats/tar/header.ts";
import { type FolderFacts, type LayerEntries, NeedsSecondRead } from "./entries.ts";
import { foldersOf } from "./paths.ts";

/** A file, folder or link of the layers below, with its content. */
export type LowerNode = Omit<TarEntry, "name"> & {
  content(): AsyncIterable<Uint8Array>;
  /** null if it has only one name */
  file: FileKey | null;
};

/** Identifies a file of the layers below: two names with one key are hard links. */
export type FileKey = string;

/** The layers below, as one tree. */
export type Lower = {
  /** does not follow a symlink at the end of the path */
  lookup(path: string): Promise<LowerNode | null>;
  /** all names of those files */
  namesOf(files: ReadonlySet<FileKey>): Promise<Map<FileKey, string[]>>;
};

export type Addition = { entry: TarEntry; content?: AsyncIterable<Uint8Array> };

export type Completion = {
  additions: AsyncIterable<Addition>;
  /** it took something from the layers below, or leaves something out because of them */
  isBound(): boolean;
};

/** The attributes of a folder that no layer describes. */
export const plainFolder: FolderFacts = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };

/** Whether completing the layer needs the layers below. */
export function needsLowerLayers({ folders, links, whiteouts, opaque, leftOut }: LayerEntries): boolean {
  if (whiteouts.size > 0) return true;
  for (const path of opaque) if (path !== "" && !folders.get(path)) return true;
  for (const facts of folders.values()) if (facts === null) return true;
  return links.some(({ target }) => !leftOut.has(target));
}

/** @param lower null if there are no layers below @throws NeedsSecondRead if a path leads through a symlink */
export async function completeLayer(entries: LayerEntries, lower: Lower | null): Promise<Completion> {
  const completer = new LayerCompleter(entries, lower);
  if (await completer.hasRedirectedPath()) throw new NeedsSecondRead();
  return { additions: completer.additions(), isBound: () => completer.isBound };
}

class LayerCompleter {
  isBound = false;
  readonly #entries: LayerEntries;
  readonly #lower: Lower | null;
  /** whiteouts that hide something below */
  readonly #hiding: string[] = [];

  constructor(entries: LayerEntries, lower: Lower | null) {
    this.#entries = entries;
    this.#lower = lower;
  }

  /** One of the paths leads elsewhere: a folder is a symlink below, or a link's target is reached through one. */
  async hasRedirectedPath(): Promise<boolean> {
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
    // a later entry of that name is not the target if there is one below
    return names.has(target) ? isBelow : !isBelow;
  }

  async *additions(): AsyncGenerator<Addition, void, void> {
    yield* this.#links();
    await this.#sortWhiteouts();
    const { folders, opaque } = this.#entries;
    for (const [name, described] of folders) {
      const facts = described ?? (await this.#folderBelow(name));
      yield { entry: folderEntry(name, facts, opaque.has(name)) };
    }
    for (const name of this.#hiding) yield { entry: whiteoutEntry(name) };
  }

  /** Nothing below shows through at a path, because one of its folders is new in this layer. */
  #isCutOff(path: string): boolean {
    const { opaque, whiteouts } = this.#entries;
    if (opaque.has("")) return true;
    for (const folder of foldersOf(path)) if (opaque.has(folder) || whiteouts.has(folder)) return true;
    return whiteouts.has(path);
  }

  /** A file below is still visible: this layer has nothing at its path or in place of one of its folders. */
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

  /** A folder that replaces one below becomes opaque; whiteouts that hide nothing are left out. */
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

  /** What the layers below have at a path that this layer does not have. */
  async #shownBelow(path: string): Promise<LowerNode | null> {
    if (this.#entries.names.has(path) || this.#isHiddenAbove(path)) return null;
    return (await this.#lower?.lookup(path)) ?? null;
  }

  /** One of its folders is new here, or is not a folder any more. */
  #isHiddenAbove(path: string): boolean {
    const { opaque, whiteouts, names } = this.#entries;
    if (opaque.has("")) return true;
    for (const folder of foldersOf(path)) {
      if (opaque.has(folder) || whiteouts.has(folder) || names.has(folder)) return true;
    }
    return false;
  }

  /**
   * A link target that exists only below is copied into this layer, with every other name of it that is still visible,
   * so that all of them are one file again.
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
        // if its old name is removed, the first link becomes the file
        if (copy.at !== entry.name) yield { entry: { ...entry, link: copy.at } };
      } else if (isHere) yield { entry: { ...entry, link: target } };
      else if (names.has(target) || folders.has(target)) {
        throw new TarError(`${shown(entry.name)} links to ${shown(target)}, which comes later or is a folder`);
      } else throw new TarError(`${shown(entry.name)} links to ${shown(target)}, which is not a file`);
    }
  }

  /** Files of the layers below that links of this layer point to, by link target. */
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

  /** @param link the name of the link that needs it */
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

/** A file from below that is copied into this layer. */
type Copy = {
  node: LowerNode;
  names: string[] /** the name that carries the content here */;
  at: string;
  isWritten: boolean;
};

export function folderEntry(name: string, facts: FolderFacts, isOpaque: boolean): TarEntry {
  const { mode, uid, gid, mtime } = facts;
  const xattrs = new Map(facts.xattrs ?? []);
  if (isOpaque) xattrs.set("trusted.overlay.opaque", "y");
  return { name, kind: "folder", mode, uid, gid, mtime, size: 0, link: "", ...(xattrs.size > 0 ? { xattrs } : {}) };
}

/** In overlayfs's form: a character device 0/0. */
export function whiteoutEntry(name: string): TarEntry {
  const device = { major: 0, minor: 0 };
  return { name, kind: "character", mode: 0, uid: 0, gid: 0, mtime: 0, size: 0, link: "", device };
}
