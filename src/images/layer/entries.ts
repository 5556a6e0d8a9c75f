/**
 * Processes a layer's tar entry by entry, in stream order (OCI image specification, "Image Layer Filesystem
 * Changeset"). Files pass through at once. Folders, whiteouts and hard links to targets that have not arrived yet are
 * kept until the end, when everything about them is known; of files only the names are kept.
 */
import { shown, type TarEntry, TarError, type TarKind } from "../../formats/tar/header.ts";
import { aufs, isBelowAufs, isOpaque, isWhiteoutDevice, keptEntry, type Mark, markOf, whiteout } from "./marks.ts";
import { NameSet } from "./name-set.ts";
import { foldersOf, parentOf, pathOf } from "./paths.ts";

export type FolderFacts = Pick<TarEntry, "mode" | "uid" | "gid" | "mtime" | "xattrs">;
/** A hard link that arrived before its target. */
export type PendingLink = { entry: TarEntry; target: string };

/**
 * Thrown when one read of a layer is not enough: a name occurs twice, or a path leads through a link. `tree.ts` handles
 * these.
 */
export class NeedsSecondRead extends Error {
  constructor() {
    super("the layer has to be read twice");
    this.name = "Irregular";
  }
}

/** Limits of what is kept in memory until a layer's end: counts, and bytes of names. */
export const layerLimits = { folders: 500_000, pending: 500_000, nameBytes: 64 * 1024 * 1024 };

/**
 * How a stream is read: `layer`, with OCI whiteouts; `changes`, with overlayfs's own marks, where `.wh.` names are
 * plain names; `tree`, without marks of either kind; `data`, where even overlayfs's marks are someone's data.
 */
export type LayerKind = "layer" | "changes" | "tree" | "data";

/** Rules for reading entries; see `LayerSource`. */
export type EntryRules = {
  as?: LayerKind;
  leaveOut?(path: string, kind: TarKind): boolean;
  unlessEmpty?: string;
};

export class LayerEntries {
  /** null if the folder must exist but the layer does not describe it */
  readonly folders = new Map<string, FolderFacts | null>();
  readonly whiteouts = new Set<string>();
  readonly opaque = new Set<string>();
  readonly links: PendingLink[] = [];
  /** everything that is not a folder */
  readonly names = new NameSet();
  root: FolderFacts | null = null;
  /** names of what is left out, and of links to it: links to those are left out too */
  readonly leftOut = new Set<string>();
  readonly #pendingNames = new Set<string>();
  /** the folder `unlessEmpty` is not empty */
  #isFilled = false;
  #nameBytes = 0;

  readonly #rules: EntryRules;
  readonly #limits: typeof layerLimits;

  constructor(rules: EntryRules = {}, limits = layerLimits) {
    this.#rules = rules;
    this.#limits = limits;
  }

  /** Number of entries so far that are not folders. */
  get files(): number {
    return this.names.size;
  }

  /** The entry to write, followed by its content; null to skip it. @throws TarError, NeedsSecondRead */
  take(raw: TarEntry): TarEntry | null {
    const name = pathOf(raw.name);
    const { as = "layer", leaveOut, unlessEmpty } = this.#rules;
    if (unlessEmpty !== undefined && name.startsWith(`${unlessEmpty}/`)) this.#isFilled = true;
    // a removal is never specific to one VM, so it is kept
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

  /** Call it after the last entry. */
  finish(): void {
    const { unlessEmpty } = this.#rules;
    if (unlessEmpty !== undefined && !this.#isFilled) this.folders.delete(unlessEmpty);
  }

  /** Adds the folders of a path that nothing else describes. */
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
    if (this.leftOut.add(name).size > this.#limits.pending) throw new TarError("too many entries have to be left out");
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
    if (this.links.push({ entry, target }) > this.#limits.pending)
      throw new TarError("it contains too many hard links");
    this.#pendingNames.add(entry.name);
    return null;
  }

  #mark(mark: Mark): null {
    if (mark.kind === "bookkeeping") return null;
    const { path } = mark;
    this.#remember(path.length);
    const marks = mark.kind === "opaque" ? this.opaque : this.whiteouts;
    if (marks.add(path).size > this.#limits.pending) throw new TarError("it contains too many whiteouts");
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
    if (this.folders.set(name, facts).size > this.#limits.folders) throw new TarError("it contains too many folders");
  }

  #remember(bytes: number): void {
    this.#nameBytes += bytes;
    if (this.#nameBytes > this.#limits.nameBytes) throw new TarError("its names are too long");
  }
}
