/** The files of one `[[file_sync]]` entry as entries of a tar. No link below the home is followed, also not one that comes meanwhile. */
import { firstOf } from "../../base/text.ts";
import { errnoOf } from "../../host/errno.ts";
import type { FolderReader } from "../../host/files/folder-reader.ts";
import { byteTextOf, type EntryInfo, type OpenEntry, textOfBytes } from "../../host/files/tree.ts";
import { type FileSyncEntry, fileMode, fileSyncLimits, folderMode } from "../../model/file-sync.ts";
import type { PlanEntry, WorkspaceNote } from "../../workspace/types.ts";
import { refused } from "./source.ts";

/** What all entries together may still take. */
export type Left = { entries: number; bytes: number };

export type SyncFiles = { entries: PlanEntry[]; notes: WorkspaceNote[] };

type LeftOut = Record<"links" | "special" | "unreadable", string[]>;

/**
 * @param at the entry's path below the home, byte text @param name the path below its folder in the guest
 * @returns no entries when nothing that can be copied is there @throws SYNC_REFUSED
 */
export function gather(reader: FolderReader, entry: FileSyncEntry, at: string, name: string, left: Left): SyncFiles {
  const walk = new Walk(reader, entry, left);
  const info = walk.orRefused(() => reader.look(at));
  if (info !== null) walk.add(at, byteTextOf(name), info, true);
  return { entries: walk.entries, notes: walk.notes() };
}

class Walk {
  readonly entries: PlanEntry[] = [];
  readonly #leftOut: LeftOut = { links: [], special: [], unreadable: [] };
  readonly #reader: FolderReader;
  readonly #entry: FileSyncEntry;
  readonly #left: Left;

  constructor(reader: FolderReader, entry: FileSyncEntry, left: Left) {
    this.#reader = reader;
    this.#entry = entry;
    this.#left = left;
  }

  add(at: string, name: string, info: EntryInfo, isTop: boolean): void {
    if (info.kind === "link") return void this.#leftOut.links.push(name);
    if (info.kind === "special") return void this.#leftOut.special.push(name);
    if (!isTop && !this.#isReadable(at, info)) return void this.#leftOut.unreadable.push(name);
    if (isTop) this.orRefused(() => this.#try(at, info));
    this.#count(info);
    const common = { path: name, mtimeNs: info.mtimeNs, origin: "folder" } as const;
    const { mode } = this.#entry;
    if (info.kind === "folder") {
      this.entries.push({ ...common, kind: "folder", mode: folderMode(mode), size: 0, source: { kind: "none" } });
      for (const inner of this.#reader.list(at) ?? []) {
        const found = this.#reader.look(`${at}/${inner}`);
        if (found !== null) this.add(`${at}/${inner}`, `${name}/${inner}`, found, false);
      }
      return;
    }
    const source = { kind: "opened", open: () => this.#open(at, info.size) } as const;
    const isProgram = (info.mode & 0o100) !== 0;
    this.entries.push({ ...common, kind: "file", mode: fileMode(mode, isProgram), size: info.size, source });
  }

  orRefused<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      throw refused(this.#entry.host, `it can't be read (${errno})`);
    }
  }

  notes(): WorkspaceNote[] {
    const { links, special, unreadable } = this.#leftOut;
    const kinds: [paths: string[], why: string][] = [
      [links, "symbolic links are not copied"],
      [special, "it is a device, a socket or a FIFO"],
      [unreadable, "it can't be read"],
    ];
    return kinds.flatMap(([paths, why]) =>
      paths.length === 0
        ? []
        : [{ level: "warn", text: `file_sync left out ${firstOf(paths, mostNamed, textOfBytes)}: ${why}` }],
    );
  }

  #isReadable(at: string, info: EntryInfo): boolean {
    try {
      this.#try(at, info);
      return true;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return false;
    }
  }

  /** Told now, not in the middle of the tar. @throws errors of the system */
  #try(at: string, { kind }: EntryInfo): void {
    if (kind === "folder") this.#reader.list(at);
    else this.#reader.open(at)?.close();
  }

  #open(at: string, size: number): OpenEntry | null {
    const file = this.#reader.open(at);
    if (file === null) return null;
    this.#left.bytes -= Math.max(0, file.info.size - size);
    if (this.#left.bytes >= 0) return file;
    file.close();
    throw this.#tooMuch();
  }

  #count({ kind, size }: EntryInfo): void {
    this.#left.entries -= 1;
    if (kind === "file") this.#left.bytes -= size;
    if (this.#left.entries < 0 || this.#left.bytes < 0) throw this.#tooMuch();
  }

  #tooMuch(): Error {
    const { entries, bytes } = fileSyncLimits;
    const most = `${entries} files and folders or ${bytes / 1024 ** 2} MiB`;
    return refused(this.#entry.host, `with it, all entries together have more than ${most}`);
  }
}

const mostNamed = 3;
