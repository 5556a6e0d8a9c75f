/** What banger learns about a root file system while its tar goes by. */
import { type TarEntry, TarError } from "../artifacts/tar/header.ts";
import { plainName } from "../artifacts/tar/names.ts";
import type { InitKind } from "../model/artifact.ts";

const systemd = new Set(["usr/lib/systemd/systemd", "lib/systemd/systemd"]);
const inits = new Set(["sbin/init", "usr/sbin/init", "usr/bin/init", "bin/init"]);

/** More folders than any root file system has; their names are kept. */
const maxFolders = 500_000;

/** Fed with each entry; of two entries with one name the first counts, as sqfstar has it. */
export class RootfsFacts {
  readonly #folders = new Set<string>([""]);
  #hasSystemd = false;
  #init: TarEntry | null = null;
  #files = 0;

  /** @throws TarError for an entry whose folder the archive doesn't have: packing would make that one open to all */
  see(entry: TarEntry): void {
    const name = plainName(entry.name);
    const parent = name.slice(0, Math.max(0, name.lastIndexOf("/")));
    if (!this.#folders.has(parent)) throw new TarError(`${JSON.stringify(name)} comes before its folder`);
    if (entry.kind === "folder") {
      this.#folders.add(name);
      if (this.#folders.size > maxFolders) throw new TarError("it holds too many folders");
      return;
    }
    // whatever the packer makes of a folder that is something else later: nothing below it
    this.#folders.delete(name);
    if (entry.kind === "file") this.#files++;
    if (systemd.has(name)) this.#hasSystemd = true;
    if (inits.has(name)) this.#init ??= entry;
  }

  /** False for an archive without a single file, which can't be an image. */
  get hasFiles(): boolean {
    return this.#files > 0;
  }

  /** The guest's agent looks again; this is for those who ask before a boot. */
  get init(): InitKind {
    if (!this.#init) return "none";
    const isLink = this.#init.kind === "symlink" || this.#init.kind === "hardlink";
    return this.#hasSystemd && isLink && /(?:^|\/)systemd$/.test(this.#init.link) ? "systemd" : "other";
  }
}
