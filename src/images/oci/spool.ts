/**
 * Spools an image archive to disk file by file, because its documents may come after the blobs they describe. Files are
 * numbered; the archive's own names are never used as paths.
 */
import { createHash } from "node:crypto";
import type { Digest } from "../../base/names.ts";
import { tarEvents } from "../../formats/tar/events.ts";
import { type TarEntry, TarError } from "../../formats/tar/header.ts";
import type { TarLimits } from "../../formats/tar/scanner.ts";
import { readBytes, removeTree } from "../../host/files/files.ts";
import { makeScratchFile, type ScratchFile } from "../../host/files/scratch-file.ts";
import { parentOf, pathOf } from "../layer/paths.ts";
import { maxDocument } from "./manifest.ts";

export type SpooledFile = { path: string; digest: Digest /** bytes */; size: number };

const maxEntries = 20_000;
/** bytes of the stream that are not content: headers and padding of that many entries, with room for long names */
const maxHeaders = 128 * 1024 ** 2;
export const maxLinks = 8;

export class Spool {
  readonly #folder: string;
  readonly #files = new Map<string, SpooledFile>();
  readonly #links = new Map<string, string>();
  readonly #limits: TarLimits;
  #left: number;
  #count = 0;
  #holdsRoot = false;

  /**
   * @param folder private and empty @param bytes limit of all files together @param entries limit of entries of every
   * kind
   */
  constructor(folder: string, bytes: number, entries = maxEntries) {
    this.#folder = folder;
    this.#limits = { entries, bytes: bytes + maxHeaders };
    this.#left = bytes;
  }

  /** @throws TarError, what `tar` throws, and the system's error for a full disk */
  async fill(tar: AsyncIterable<Uint8Array>, onProgress: (bytes: number) => void): Promise<void> {
    let current: Writing | null = null;
    let bytes = 0;
    try {
      for await (const event of tarEvents(tar, { ...this.#limits, end: "block" })) {
        if (event.kind === "entry") {
          await this.#finish(current);
          current = await this.#begin(event.entry);
        } else if (event.kind === "data" && current) {
          bytes += event.chunk.length;
          await current.write(event.chunk);
          onProgress(bytes);
        }
      }
      await this.#finish(current);
      current = null;
    } finally {
      await current?.file.close();
    }
  }

  get names(): IterableIterator<string> {
    return this.#files.keys();
  }

  /** True if it has a folder that only root file systems have. */
  get holdsRoot(): boolean {
    return this.#holdsRoot;
  }

  /** Follows links inside the archive. */
  find(name: string): SpooledFile | null {
    let path = pathOf(name);
    for (let hops = 0; hops < maxLinks; hops++) {
      const file = this.#files.get(path);
      if (file) return file;
      const to = this.#links.get(path);
      if (to === undefined) return null;
      path = to;
    }
    return null;
  }

  /** A small document, or null if it is not there. */
  async document(name: string): Promise<Uint8Array | null> {
    const file = this.find(name);
    if (!file) return null;
    if (file.size > maxDocument) throw new TarError(`its document ${JSON.stringify(name.slice(0, 100))} is too large`);
    return readBytes(file.path, maxDocument);
  }

  async #begin(entry: TarEntry): Promise<Writing | null> {
    const name = pathOf(entry.name);
    this.#holdsRoot ||= /^(?:bin|etc|lib|sbin|usr)(?:\/|$)/.test(name);
    if (entry.kind === "hardlink") this.#links.set(name, pathOf(entry.link));
    if (entry.kind === "symlink") this.#links.set(name, resolveLink(name, entry.link));
    if (entry.kind !== "file") return null;
    this.#left -= entry.size;
    if (this.#left < 0) throw new TarError("it is too large");
    this.#links.delete(name);
    return new Writing(name, await makeScratchFile(`${this.#folder}/${this.#count++}`));
  }

  async #finish(writing: Writing | null): Promise<void> {
    if (!writing) return;
    const file = await writing.finish();
    const replaced = this.#files.get(writing.name);
    this.#files.set(writing.name, file);
    if (replaced) await removeTree(replaced.path);
  }
}

/** Resolves a symlink inside the archive; links out of it lead nowhere. */
function resolveLink(name: string, link: string): string {
  const parts = link.startsWith("/") ? [] : parentOf(name).split("/");
  for (const part of link.split("/")) {
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return parts.filter((part) => part !== "" && part !== ".").join("/");
}

class Writing {
  readonly name: string;
  readonly file: ScratchFile;
  readonly #hash = createHash("sha256");
  #size = 0;

  constructor(name: string, file: ScratchFile) {
    this.name = name;
    this.file = file;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.#size += chunk.length;
    await this.file.write(chunk);
  }

  async finish(): Promise<SpooledFile> {
    await this.file.close();
    return { path: this.file.path, size: this.#size, digest: `sha256:${this.#hash.digest("hex")}` as Digest };
  }
}
