/**
 * What a layer's tar says, entry by entry, in the order in which it comes (OCI image specification, "Image Layer
 * Filesystem Changeset"). Files go on at once; folders, whiteouts and hard links to what is not there yet wait for the
 * end, when all is known about them: only their names are kept.
 */
import { shown, type TarEntry, TarError, type TarKind } from "../../formats/tar/header.ts";
import { aufs, isBelowAufs, isOpaque, isWhiteoutDevice, keptEntry, type Mark, markOf, whiteout } from "./marks.ts";
import { NameSet } from "./name-set.ts";
import { foldersOf, parentOf, pathOf } from "./paths.ts";

export type FolderFacts = Pick<TarEntry, "mode" | "uid" | "gid" | "mtime" | "xattrs">;
/** A hard link whose target had not come when it did. */
export type PendingLink = { entry: TarEntry; target: string };

/** What a layer that is read once can't settle: a name that comes twice, a path below a link. `tree.ts` can. */
export class NeedsSecondRead extends Error {
  constructor() {
    super("the layer has to be read as a whole first");
    this.name = "Irregular";
  }
}

/** What waits in memory for a layer's end. */
export const layerLimits = { folders: 500_000, pending: 500_000, nameBytes: 64 * 1024 * 1024 };

/**
 * How a stream is understood: as a layer; as changes, whose marks are overlayfs's own, so that a name is only a name; as a tree,
 * which is all there is; or as data, where overlayfs's marks are somebody's too.
 */
export type LayerKind = "layer" | "changes" | "tree" | "data";

/** How a stream's entries are taken; see `LayerSource`. */
export type EntryRules = {
  as?: LayerKind;
  leaveOut?(path: string, kind: TarKind): boolean;
  unlessEmpty?: string;
};

export class LayerEntries {
  /** null: there must be one, but the layer does not say what it is like */
  readonly folders = new Map<string, FolderFacts | null>();
  readonly whiteouts = new Set<string>();
  readonly opaque = new Set<string>();
  readonly links: PendingLink[] = [];
  /** everything that is no folder */
  readonly names = new NameSet();
  root: FolderFacts | null = null;
  /** names of what is left out, and of links to it: what links to those is left out too */
  readonly leftOut = new Set<string>();
  readonly #pendingNames = new Set<string>();
  /** something is in the folder `unlessEmpty` */
  #isFilled = false;
  #nameBytes = 0;

  readonly #rules: EntryRules;
  readonly #limits: typeof layerLimits;

  constructor(rules: EntryRules = {}, limits = layerLimits) {
    this.#rules = rules;
    this.#limits = limits;
  }

  /** Files among the entries, so far. */
  get files(): number {
    return this.names.size;
  }

  /** The entry to pass on, with its content; null: nothing of it. @throws TarError, Irregular */
  take(raw: TarEntry): TarEntry | null {
    const name = pathOf(raw.name);
    const { as = "layer", leaveOut, unlessEmpty } = this.#rules;
    if (unlessEmpty !== undefined && name.startsWith(`${unlessEmpty}/`)) this.#isFilled = true;
    // that something is removed belongs to no VM alone
    if (as === "changes" && isWhiteoutDevice(raw)) return this.#mark({ kind: "whiteout", path: name });
    if (leaveOut?.(name, raw.kind)) return this.#leaveOut(name);
    if (as === "layer" && name.includes(whiteout)) {
      const mark = markOf(name);
      if (mark !== null) return this.#mark(mark);
    }
    if (as === "changes" && isOpaque(raw)) this.#mark({ kind: "opaque", path: name });
    const entry = keptEntry(raw, name, as);
    if (raw.kind === "folder") return this.#folder(entry);
    if (this.#isLinkToLeftOut(raw) || (as !== "data" && isWhiteoutDevice(raw))) return this.#leaveOut(name);
    this.leftOut.delete(name);
    this.#imply(name);
    if (this.folders.has(name) || this.#pendingNames.has(name) || !this.names.add(name)) throw new NeedsSecondRead();
    return raw.kind === "hardlink" ? this.#link(entry) : entry;
  }

  /** To be called when all entries came. */
  finish(): void {
    const { unlessEmpty } = this.#rules;
    if (unlessEmpty !== undefined && !this.#isFilled) this.folders.delete(unlessEmpty);
  }

  /** The folders of a path, where nothing else speaks of them. */
  imply(path: string): void {
    this.#imply(path);
  }

  #folder(entry: TarEntry): null {
    const { name, mode, uid, gid, mtime, xattrs } = entry;
    const facts: FolderFacts = { mode, uid, gid, mtime, ...(xattrs ? { xattrs } : {}) };
    if (name === "") {
      this.root = facts;
      return null;
    }
    if (this.names.has(name)) throw new NeedsSecondRead();
    this.#imply(name);
    this.#setFolder(name, facts);
    return null;
  }

  #isLinkToLeftOut({ kind, link }: TarEntry): boolean {
    return kind === "hardlink" && this.leftOut.size > 0 && this.leftOut.has(pathOf(link));
  }

  #leaveOut(name: string): null {
    this.#remember(name.length);
    if (this.leftOut.add(name).size > this.#limits.pending) throw new TarError("too much of it has to be left out");
    return null;
  }

  #link(entry: TarEntry): TarEntry | null {
    const target = pathOf(entry.link);
    const isLayer = (this.#rules.as ?? "layer") === "layer";
    if (target === "" || this.folders.get(target)) throw new TarError(`${shown(entry.name)} links to a folder`);
    if (target === entry.name) throw new TarError(`${shown(target)} links to itself`);
    if (isLayer && target.includes(aufs) && isBelowAufs(target)) throw new NeedsSecondRead();
    if (this.names.has(target) && !this.#pendingNames.has(target)) return { ...entry, link: target };
    this.#remember(entry.name.length + target.length);
    if (this.links.push({ entry, target }) > this.#limits.pending) throw new TarError("it holds too many hard links");
    this.#pendingNames.add(entry.name);
    return null;
  }

  #mark(mark: Mark): null {
    if (mark.kind === "bookkeeping") return null;
    const { path } = mark;
    this.#remember(path.length);
    const marks = mark.kind === "opaque" ? this.opaque : this.whiteouts;
    if (marks.add(path).size > this.#limits.pending) throw new TarError("it holds too many whiteouts");
    return null;
  }

  #imply(path: string): void {
    const parent = parentOf(path);
    if (parent === "" || this.folders.has(parent)) return;
    for (const folder of foldersOf(path)) {
      if (this.folders.has(folder)) continue;
      if (this.names.has(folder)) throw new NeedsSecondRead();
      this.#setFolder(folder, null);
    }
  }

  #setFolder(name: string, facts: FolderFacts | null): void {
    if (!this.folders.has(name)) this.#remember(name.length);
    if (this.folders.set(name, facts).size > this.#limits.folders) throw new TarError("it holds too many folders");
  }

  #remember(bytes: number): void {
    this.#nameBytes += bytes;
    if (this.#nameBytes > this.#limits.nameBytes) throw new TarError("its names are too long");
  }
}
