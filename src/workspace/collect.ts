/** Turns names into plan entries from the present state of the disk; never through a symbolic link. */
import { parentsOf } from "../base/parents.ts";
import { type EntryInfo, isReadable, linkBeneath, lookAt } from "../host/files/tree.ts";
import type { Notes } from "./notes.ts";
import type { EntryOrigin, PlanEntry } from "./types.ts";

export class Collector {
  readonly entries: PlanEntry[] = [];
  readonly totals = { files: 0, bytes: 0 };
  readonly #root: string;
  readonly #notes: Notes;
  /** folders that were checked: true for real folders */
  readonly #folders = new Map<string, boolean>();

  /** @param root real path, byte text */
  constructor(root: string, notes: Notes) {
    this.#root = root;
    this.#notes = notes;
  }

  /** Adds the file or link at `path`; leaves out what is missing or reached through a link, as git does. */
  add(path: string, origin: EntryOrigin): void {
    if (!this.#addParents(path, origin)) return;
    const info = this.#look(path);
    if (info === null || info.kind === "folder") return;
    if (info.kind === "special") return this.#notes.path("not a file, folder or link, so not sent", path);
    if (info.kind === "link") return this.#addLink(path, info, origin);
    if (!isReadable(`${this.#root}/${path}`)) return this.#notes.path("may not be read, so not sent", path);
    const source = { kind: "disk", root: this.#root, path } as const;
    this.#push({ path, kind: "file", mode: info.mode & 0o777, size: info.size, mtimeNs: info.mtimeNs, origin, source });
  }

  /** Adds the folder itself; false when it is not one. */
  addFolder(path: string, origin: EntryOrigin): boolean {
    return this.#addParents(`${path}/`, origin);
  }

  #addLink(path: string, info: EntryInfo, origin: EntryOrigin): void {
    const target = linkBeneath(this.#root, path);
    if (target === null) return;
    this.#push({
      path,
      kind: "link",
      mode: 0o777,
      size: 0,
      mtimeNs: info.mtimeNs,
      target,
      origin,
      source: { kind: "none" },
    });
  }

  #addParents(path: string, origin: EntryOrigin): boolean {
    for (const parent of parentsOf(path)) {
      const known = this.#folders.get(parent);
      if (known === true) continue;
      if (known === false) return false;
      const info = this.#look(parent);
      const real = info?.kind === "folder";
      this.#folders.set(parent, real);
      if (info === null || !real) return false;
      const mode = (info.mode & 0o777) | 0o700;
      this.#push({
        path: parent,
        kind: "folder",
        mode,
        size: 0,
        mtimeNs: info.mtimeNs,
        origin,
        source: { kind: "none" },
      });
    }
    return true;
  }

  /** Null also for what the user may not read, after noting it. */
  #look(path: string): EntryInfo | null {
    try {
      return lookAt(`${this.#root}/${path}`);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EACCES") throw error;
      this.#notes.path("may not be read, so not sent", path);
      return null;
    }
  }

  #push(entry: PlanEntry): void {
    this.entries.push(entry);
    if (entry.kind === "folder") return;
    this.totals.files += 1;
    this.totals.bytes += entry.size;
  }
}
