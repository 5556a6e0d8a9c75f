/**
 * Unpacks the kernel, its configuration and its modules from a package's tar stream into a folder of unfinished work.
 */
import { tarEvents } from "../formats/tar/events.ts";
import { type TarEntry, TarError } from "../formats/tar/header.ts";
import { plainName } from "../formats/tar/names.ts";
import { errnoOf } from "../host/errno.ts";
import { writeScratch } from "../host/files/scratch.ts";

export type UnpackedKernel = {
  image: Uint8Array;
  /** `uname -r`; empty if the package has no modules */
  release: string;
  /** text of the build configuration, if the package has it */
  config: string | null;
  /** the folder that contains `lib/modules/<release>`, for `depmod -b` */
  base: string;
};

/** bytes of one unpacked kernel package */
export const maxPackage = 8 * 1024 ** 3;

/** Enforced while the package is unpacked. */
export type UnpackLimits = {
  /** bytes of the kernel */
  image: number;
  /** bytes of its configuration */
  config: number;
  /** bytes of all modules together */
  modules: number;
  /** how many modules */
  files: number;
  /** bytes of the whole stream, including what is ignored */
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

/** Where an entry goes. */
type Place = { to: "image" | "config" } | { to: "modules"; release: string; path: string };

/** @throws TarError if the stream has no kernel or more than one, or is too large */
export async function unpackKernel(
  tar: AsyncIterable<Uint8Array>,
  base: string,
  onProgress: (bytes: number) => void,
  limits: UnpackLimits = unpackLimits,
): Promise<UnpackedKernel> {
  const found = { image: new Parts(limits.image), config: new Parts(limits.config), release: "" };
  const modules = new ModuleWriter(base, limits, onProgress);
  let current: Place | null = null;
  for await (const event of tarEvents(tar, limits)) {
    if (event.kind === "entry") {
      current = placeOf(event.entry);
      if (current?.to === "modules") {
        if (found.release !== "" && found.release !== current.release)
          throw new TarError("it contains more than one kernel");
        found.release = current.release;
        await modules.begin(current.path);
      } else if (current) found[current.to].begin(event.entry.size);
    } else if (event.kind === "data" && current) {
      if (current.to === "modules") modules.add(event.chunk);
      else found[current.to].add(event.chunk);
    }
  }
  await modules.end();
  const image = found.image.whole();
  if (!image) throw new TarError("it contains no boot/vmlinuz-* file");
  const config = found.config.whole();
  return { image, release: found.release, config: config && new TextDecoder().decode(config), base };
}

/** path components of a module within its release's folder; distributions have eight */
export const maxDepth = 32;

const releasePattern = /^[0-9][\w.+~-]{0,63}$/;

export function placeOf(entry: TarEntry): Place | null {
  const name = plainName(entry.name);
  if (entry.kind === "file" && /^boot\/vmlinu[xz]-[^/]+$/.test(name)) return { to: "image" };
  if (entry.kind === "file" && /^boot\/config-[^/]+$/.test(name)) return { to: "config" };
  const [, release, rest] = /^(?:usr\/)?lib\/modules\/([^/]+)\/(.+)$/.exec(name) ?? [];
  if (release === undefined || entry.kind !== "file") return null;
  if (!releasePattern.test(release)) throw new TarError(`"${release}" is not a kernel release`);
  if ((rest?.split("/").length ?? 0) > maxDepth) throw new TarError("its modules are nested too deeply");
  return { to: "modules", release, path: `lib/modules/${release}/${rest}` };
}

/** One file of the archive, in memory; a second one of its kind is refused. */
class Parts {
  readonly #limit: number;
  #whole: Uint8Array | null = null;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param size bytes that follow, as checked by the tar reader */
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

/** errors for a path that is both a folder and a file, or that is too long */
const conflicts = new Set(["EEXIST", "EISDIR", "ENOTDIR", "ENAMETOOLONG", "ENOENT"]);

/**
 * Writes the modules' files below `base`. The tar reader checked their names. Not synced: after a crash the folder is
 * discarded anyway.
 */
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
