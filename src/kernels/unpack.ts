/** Takes the kernel, its configuration and its modules out of a package's tar stream, into a folder of unfinished work. */
import { tarEvents } from "../formats/tar/events.ts";
import { type TarEntry, TarError } from "../formats/tar/header.ts";
import { plainName } from "../formats/tar/names.ts";
import { errnoOf } from "../host/errno.ts";
import { writeScratch } from "../host/files/scratch.ts";

export type UnpackedKernel = {
  image: Uint8Array;
  /** `uname -r`; empty: it holds no modules */
  release: string;
  /** text of the build configuration, when the package has it */
  config: string | null;
  /** the folder above `lib/modules/<release>`, as `depmod -b` wants it */
  base: string;
};

/** bytes of one kernel's package when it is unpacked */
export const maxPackage = 8 * 1024 ** 3;

/** Counted while the package is unpacked. */
export type UnpackLimits = {
  /** bytes of the kernel */
  image: number;
  /** bytes of its configuration */
  config: number;
  /** bytes of all modules together */
  modules: number;
  /** how many modules */
  files: number;
  /** bytes of the whole stream, whatever is in it */
  bytes: number;
  /** entries of the whole stream */
  entries: number;
};

export const unpackLimits: UnpackLimits = {
  image: 512 * 1024 ** 2,
  config: 4 * 1024 ** 2,
  modules: 2 * 1024 ** 3,
  files: 50_000,
  bytes: maxPackage,
  entries: 500_000,
};

/** Where an entry goes; null: not ours. */
type Place = { to: "image" | "config" } | { to: "modules"; release: string; path: string };

/** @throws TarError for a stream that holds no kernel or more than one, or is too large */
export async function unpackKernel(
  tar: AsyncIterable<Uint8Array>,
  base: string,
  onProgress: (bytes: number) => void,
  limits: UnpackLimits = unpackLimits,
): Promise<UnpackedKernel> {
  const found = { image: new Parts(limits.image), config: new Parts(limits.config), release: "" };
  const modules = new ModuleWriter(base, limits, onProgress);
  let present: Place | null = null;
  for await (const event of tarEvents(tar, limits)) {
    if (event.kind === "entry") {
      present = placeOf(event.entry);
      if (present?.to === "modules") {
        if (found.release !== "" && found.release !== present.release)
          throw new TarError("it contains more than one kernel");
        found.release = present.release;
        await modules.begin(present.path);
      } else if (present) found[present.to].begin(event.entry.size);
    } else if (event.kind === "data" && present) {
      if (present.to === "modules") modules.add(event.chunk);
      else found[present.to].add(event.chunk);
    }
  }
  await modules.end();
  const image = found.image.whole();
  if (!image) throw new TarError("it holds no boot/vmlinuz-* file");
  const config = found.config.whole();
  return { image, release: found.release, config: config && new TextDecoder().decode(config), base };
}

/** folders above a module and its own name, below its release's; distributions have eight */
export const maxDepth = 32;

const releasePattern = /^[0-9][\w.+~-]{0,63}$/;

export function placeOf(entry: TarEntry): Place | null {
  const name = plainName(entry.name);
  if (entry.kind === "file" && /^boot\/vmlinu[xz]-[^/]+$/.test(name)) return { to: "image" };
  if (entry.kind === "file" && /^boot\/config-[^/]+$/.test(name)) return { to: "config" };
  const [, release, rest] = /^(?:usr\/)?lib\/modules\/([^/]+)\/(.+)$/.exec(name) ?? [];
  if (release === undefined || entry.kind !== "file") return null;
  if (!releasePattern.test(release)) throw new TarError(`"${release}" is no kernel release`);
  if ((rest?.split("/").length ?? 0) > maxDepth) throw new TarError("its modules lie too deep");
  return { to: "modules", release, path: `lib/modules/${release}/${rest}` };
}

/** One file of the archive in memory; a second one of its kind is refused. */
class Parts {
  readonly #limit: number;
  #whole: Uint8Array | null = null;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param size bytes that come, as the reader of the tar sees to */
  begin(size: number): void {
    if (this.#whole) throw new TarError("it contains more than one kernel");
    if (size > this.#limit) throw new TarError("its kernel is too large");
    this.#whole = new Uint8Array(size);
  }

  add(chunk: Uint8Array): void {
    this.#whole?.set(chunk, this.#bytes);
    this.#bytes += chunk.length;
  }

  whole(): Uint8Array | null {
    return this.#whole;
  }
}

/** what a path that is a folder here and a file there, or that is too long, ends in */
const conflicts = new Set(["EEXIST", "EISDIR", "ENOTDIR", "ENAMETOOLONG", "ENOENT"]);

/** Writes the modules' files below `base`; names were checked by the tar reader. Lost with its folder, so not synced. */
class ModuleWriter {
  readonly #base: string;
  readonly #limits: UnpackLimits;
  readonly #onProgress: (bytes: number) => void;
  #path = "";
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #files = 0;

  constructor(base: string, limits: UnpackLimits, onProgress: (bytes: number) => void) {
    this.#base = base;
    this.#limits = limits;
    this.#onProgress = onProgress;
  }

  async begin(path: string): Promise<void> {
    await this.end();
    if (++this.#files > this.#limits.files) throw new TarError("it contains too many files");
    this.#path = path;
  }

  add(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limits.modules) throw new TarError("its modules are too large");
    this.#chunks.push(chunk.slice());
  }

  async end(): Promise<void> {
    if (this.#path === "") return;
    await writeScratch(`${this.#base}/${this.#path}`, Buffer.concat(this.#chunks)).catch((error: unknown) => {
      throw conflicts.has(String(errnoOf(error)))
        ? new TarError(`${JSON.stringify(this.#path)} can't be unpacked`)
        : error;
    });
    this.#path = "";
    this.#chunks = [];
    this.#onProgress(this.#bytes);
  }
}
