/**
 * What a layer's tar says, entry by entry, in the order in which it comes (OCI image specification, "Image Layer
 * Filesystem Changeset"). Files go on at once; folders, whiteouts and hard links to what is not there yet wait for the
 * end, when all is known about them: only their names are kept.
 */
import { shown, type TarEntry, TarError, type TarKind } from "../../artifacts/tar/header.ts";
import { NameSet } from "./name-set.ts";
import { baseOf, foldersOf, joined, parentOf, pathOf } from "./paths.ts";

export type FolderFacts = Pick<TarEntry, "mode" | "uid" | "gid" | "mtime" | "xattrs">;
/** A hard link whose target had not come when it did. */
export type HeldLink = { entry: TarEntry; target: string };

/** What a first pass found that only a second one can do. */
export type SecondPass = {
  /** names that come more than once, with the number of the entry that counts: the last one */
  lastOf: ReadonlyMap<string, number>;
  /** folders that are symlinks in a lower layer, with the folders that they lead to */
  moved: ReadonlyMap<string, string>;
};

export const nothingMoved: SecondPass = { lastOf: new Map(), moved: new Map() };

const limits = { folders: 500_000, held: 500_000, nameBytes: 64 * 1024 * 1024, twice: 100_000 } as const;
const whiteout = ".wh.";
const opaqueMarker = ".wh..wh..opq";

/**
 * How a stream is understood: as a layer; as a tree, which is all there is, so that a name is only a name; or as data, where
 * overlayfs's own marks are somebody's too.
 */
export type LayerKind = "layer" | "tree" | "data";

/** How a stream's entries are taken; see `LayerSource`. */
export type Taking = {
  as?: LayerKind;
  leaveOut?(path: string, kind: TarKind): boolean;
  unlessEmpty?: string;
};

export class LayerEntries {
  /** null: there must be one, but the layer does not say what it is like */
  readonly folders = new Map<string, FolderFacts | null>();
  readonly whiteouts = new Set<string>();
  readonly opaque = new Set<string>();
  readonly links: HeldLink[] = [];
  /** everything that is no folder */
  readonly names = new NameSet();
  root: FolderFacts | null = null;
  /** of each name that came more than once, the number of its last entry */
  readonly lastOf = new Map<string, number>();
  /** names of what is left out, and of links to it: what links to those is left out too */
  readonly leftOut = new Set<string>();
  readonly #known: SecondPass;
  readonly #heldNames = new Set<string>();
  /** something is in the folder `unlessEmpty` */
  #isFilled = false;
  #count = 0;
  #nameBytes = 0;

  readonly #taking: Taking;

  constructor(known: SecondPass = nothingMoved, taking: Taking = {}) {
    this.#known = known;
    this.#taking = taking;
  }

  /** Files among the entries, so far. */
  get files(): number {
    return this.names.size;
  }

  /** The entry to pass on, with its content; null: nothing of it. @throws TarError */
  take(came: TarEntry): TarEntry | null {
    const number = ++this.#count;
    const name = this.#moved(pathOf(came.name));
    const base = baseOf(name);
    const { as = "layer", leaveOut, unlessEmpty } = this.#taking;
    if (unlessEmpty !== undefined && name.startsWith(`${unlessEmpty}/`)) this.#isFilled = true;
    if (leaveOut?.(name, came.kind)) return this.#leaveOut(name);
    if (as === "layer" && base.startsWith(whiteout)) return this.#mark(parentOf(name), base);
    const xattrs = came.xattrs && keptXattrs(came.xattrs, as === "data");
    const entry: TarEntry = { ...came, name, ...(xattrs === undefined ? {} : { xattrs }) };
    if (came.kind === "folder") return this.#folder(entry);
    if (this.#isLinkToLeftOut(came) || (as !== "data" && isWhiteoutDevice(came))) return this.#leaveOut(name);
    this.leftOut.delete(name);
    this.#imply(name);
    if (this.folders.has(name)) throw twoKinds(name);
    const last = this.#known.lastOf.get(name);
    if (last !== undefined && number < last) return null;
    if (!this.names.add(name) || this.#heldNames.has(name)) return this.#again(name, number);
    return came.kind === "hardlink" ? this.#link(entry) : entry;
  }

  /** To be called when all entries came. */
  finish(): void {
    const { unlessEmpty } = this.#taking;
    if (unlessEmpty !== undefined && !this.#isFilled) this.folders.delete(unlessEmpty);
  }

  /** A folder that only its content speaks of. */
  imply(path: string): void {
    if (path !== "") this.#imply(`${path}/x`);
  }

  #folder(entry: TarEntry): null {
    const { name, mode, uid, gid, mtime, xattrs } = entry;
    const facts: FolderFacts = { mode, uid, gid, mtime, ...(xattrs ? { xattrs } : {}) };
    if (name === "") {
      this.root = facts;
      return null;
    }
    if (this.names.has(name)) throw twoKinds(name);
    this.#imply(name);
    this.#setFolder(name, facts);
    return null;
  }

  #isLinkToLeftOut({ kind, link }: TarEntry): boolean {
    return kind === "hardlink" && this.leftOut.size > 0 && this.leftOut.has(this.#moved(pathOf(link)));
  }

  #leaveOut(name: string): null {
    this.#remember(name.length);
    if (this.leftOut.add(name).size > limits.held) throw new TarError("too much of it has to be left out");
    return null;
  }

  #link(entry: TarEntry): TarEntry | null {
    const target = this.#moved(pathOf(entry.link));
    if (target === "" || this.folders.get(target)) throw new TarError(`${shown(entry.name)} links to a folder`);
    if (target === entry.name) throw new TarError(`${shown(target)} links to itself`);
    if (this.#known.lastOf.has(target)) throw new TarError(`${shown(entry.name)} links to a name that is there twice`);
    if (this.names.has(target) && !this.#heldNames.has(target)) return { ...entry, link: target };
    this.#remember(entry.name.length + target.length);
    if (this.links.push({ entry, target }) > limits.held) throw new TarError("it holds too many hard links");
    this.#heldNames.add(entry.name);
    return null;
  }

  #mark(parent: string, base: string): null {
    if (base === opaqueMarker) {
      this.imply(parent);
      this.opaque.add(parent);
      return null;
    }
    // `.wh..wh.…`: bookkeeping of aufs, which is no part of the file system
    const removed = base.slice(whiteout.length);
    if (removed.startsWith(whiteout)) return null;
    if (removed === "" || removed === "." || removed === "..") throw new TarError("a whiteout names nothing");
    const path = joined(parent, removed);
    this.imply(parent);
    this.#remember(path.length);
    if (this.whiteouts.add(path).size > limits.held) throw new TarError("it holds too many whiteouts");
    return null;
  }

  #again(name: string, number: number): null {
    if (this.lastOf.set(name, number).size > limits.twice) throw new TarError("too many names are in it twice");
    return null;
  }

  #imply(path: string): void {
    const parent = parentOf(path);
    if (parent === "" || this.folders.has(parent)) return;
    for (const folder of foldersOf(path)) {
      if (this.folders.has(folder)) continue;
      if (this.names.has(folder)) throw new TarError(`${shown(path)} is below ${shown(folder)}, which is no folder`);
      this.#setFolder(folder, null);
    }
  }

  #setFolder(name: string, facts: FolderFacts | null): void {
    if (!this.folders.has(name)) this.#remember(name.length);
    if (this.folders.set(name, facts).size > limits.folders) throw new TarError("it holds too many folders");
  }

  #remember(bytes: number): void {
    this.#nameBytes += bytes;
    if (this.#nameBytes > limits.nameBytes) throw new TarError("its names are too long");
  }

  /** Where a path leads when a lower layer has a symlink in place of one of its folders. */
  #moved(path: string): string {
    if (this.#known.moved.size === 0) return path;
    for (const folder of [...foldersOf(path)].reverse()) {
      const to = this.#known.moved.get(folder);
      if (to !== undefined) return joined(to, path.slice(folder.length + 1));
    }
    return path;
  }
}

/** A character device 0/0 is overlayfs's own whiteout: it would hide what it should be. */
function isWhiteoutDevice({ kind, device }: TarEntry): boolean {
  return kind === "character" && (device?.major ?? 0) === 0 && (device?.minor ?? 0) === 0;
}

/** What squashfs can hold, without overlayfs's own marks: a stranger's layer may not set those. */
function keptXattrs(xattrs: ReadonlyMap<string, string>, isData: boolean): ReadonlyMap<string, string> | null {
  const isKept = (name: string) => /^(?:user|trusted|security)\../.test(name) && (isData || !isOverlays(name));
  const kept = [...xattrs].filter(([name]) => isKept(name));
  return kept.length === 0 ? null : new Map(kept);
}

function isOverlays(name: string): boolean {
  return name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.");
}

function twoKinds(name: string): TarError {
  return new TarError(`${shown(name)} is a folder and something else`);
}
