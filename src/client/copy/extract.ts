/** Writes a guest's tar stream below a folder of this host. The stream is hostile: see `FolderWriter` for what can't be reached. */

import type { TarEntry, TarKind } from "../../formats/tar/header.ts";
import { plainName } from "../../formats/tar/names.ts";
import type { TarSink } from "../../formats/tar/scanner.ts";
import { FolderWriter, type NewFile, PathRefused } from "../../host/files/folder-writer.ts";
import type { Place } from "./place.ts";

const second = 1_000_000_000n;

export type ExtractionOptions = {
  /** chooses the place once the first entry has told what comes; may throw */
  placeFor(kind: "folder" | "other"): Place;
  /** @param done bytes of content so far @param total when it is one file */
  onProgress(done: number, total: number | undefined): void;
};

/** `close` it, whatever happens: that removes the file which is not complete. */
export class Extraction implements TarSink {
  readonly #options: ExtractionOptions;
  #to: { writer: FolderWriter; name: string | null; isFolder: boolean } | null = null;
  #file: { entry: TarEntry; file: NewFile; left: number } | null = null;
  /** their mode and time are set last, because what is written into them changes the one and may need the other */
  readonly #folders = new Map<string, { mode: number; mtimeNs: bigint }>();
  /** below the target, for messages */
  current = "";
  entries = 0;
  bytes = 0;

  constructor(options: ExtractionOptions) {
    this.#options = options;
  }

  get hasBegun(): boolean {
    return this.#to !== null;
  }

  /** @throws PathRefused, errors of the system, what `placeFor` throws */
  entry(entry: TarEntry): void {
    const isFirst = this.#to === null;
    const to = this.#to ?? this.#begin(entry);
    this.entries++;
    if (isFirst && to.isFolder) return this.#top(to, entry);
    if (!isFirst && !to.isFolder) throw new PathRefused(entry.name, "follows the only file");
    const path = to.isFolder ? below(to.name, entry.name) : (to.name ?? "");
    if (path === (to.name ?? "") && to.isFolder) return this.#top(to, entry);
    this.current = path;
    this.#write(to, path, entry);
  }

  data(chunk: Uint8Array): void {
    if (this.#file === null) return;
    this.#file.file.write(chunk);
    this.#took(chunk.length);
  }

  hole(bytes: number): void {
    this.#file?.file.skip(bytes);
    this.#took(bytes);
  }

  padding(): void {}

  /** Sets the modes and times of the folders, the deepest first. Call it after the end of a whole stream. */
  finish(): void {
    const paths = [...this.#folders.keys()].sort((a, b) => depthOf(b) - depthOf(a));
    for (const path of paths) {
      const folder = this.#folders.get(path);
      this.current = path;
      if (folder) this.#to?.writer.finishFolder(path, folder.mode, folder.mtimeNs);
    }
  }

  close(): void {
    this.#file?.file.drop();
    this.#file = null;
    this.#to?.writer.close();
    this.#to = null;
  }

  #begin(entry: TarEntry) {
    const isFolder = entry.kind === "folder";
    if (isFolder && plainName(entry.name) !== "") throw new PathRefused(entry.name, "comes before its folder");
    const { folder, name } = this.#options.placeFor(isFolder ? "folder" : "other");
    if (name === null && !isFolder) throw new PathRefused(entry.name, "comes where a folder was asked for");
    this.current = "";
    this.#to = { writer: new FolderWriter(folder), name, isFolder };
    return this.#to;
  }

  /** The folder itself. One whose content alone is asked for is left as it is. */
  #top({ writer, name }: { writer: FolderWriter; name: string | null }, entry: TarEntry): void {
    if (entry.kind !== "folder") throw new PathRefused(entry.name, "is the target itself");
    if (name === null) return;
    this.current = name;
    writer.makeFolder(name);
    this.#folders.set(name, { mode: entry.mode, mtimeNs: timeOf(entry) });
  }

  #write(
    { writer, name, isFolder }: { writer: FolderWriter; name: string | null; isFolder: boolean },
    path: string,
    entry: TarEntry,
  ): void {
    switch (entry.kind) {
      case "folder":
        writer.makeFolder(path);
        return void this.#folders.set(path, { mode: entry.mode, mtimeNs: timeOf(entry) });
      case "file":
        this.#file = { entry, file: writer.startFile(path), left: entry.size };
        return this.#took(0);
      case "symlink":
        return writer.makeLink(path, entry.link, timeOf(entry));
      case "hardlink":
        if (!isFolder) throw new PathRefused(path, "is a hard link to nothing");
        return writer.makeHardLink(path, below(name, entry.link));
      default:
        throw new PathRefused(path, `is a ${words[entry.kind]}`);
    }
  }

  #took(bytes: number): void {
    const current = this.#file;
    if (current === null) return;
    this.bytes += bytes;
    current.left -= bytes;
    this.#options.onProgress(this.bytes, this.#to?.isFolder ? undefined : current.entry.size);
    if (current.left > 0) return;
    current.file.finish(current.entry.mode, timeOf(current.entry));
    this.#file = null;
  }
}

const words: Partial<Record<TarKind, string>> = { character: "device", block: "device", fifo: "FIFO" };

function below(name: string | null, path: string): string {
  const parts = plainName(path)
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  return (name === null ? parts : [name, ...parts]).join("/");
}

function timeOf({ mtime, nanoseconds = 0 }: TarEntry): bigint {
  return BigInt(Math.trunc(mtime)) * second + BigInt(nanoseconds);
}

function depthOf(path: string): number {
  return path.split("/").length;
}
