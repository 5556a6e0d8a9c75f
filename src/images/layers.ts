/**
 * Layers as files: each is made once, no matter how many requests need it, and gets its final name only when complete.
 * A self-contained layer is named by its diff id; one that was completed from the layers below, by its chain of diff
 * ids; and if anything else determined its content, that is part of the name too.
 */
import { createHash } from "node:crypto";
import type { VerifiedFiles } from "../artifacts/verified.ts";
import type { Digest } from "../base/names.ts";
import { Semaphore } from "../base/semaphore.ts";
import { SharedWork } from "../base/shared-work.ts";
import { ensureFolder, removeTree, renameDurable, sha256File, sizeOf, tempPath } from "../host/files/files.ts";
import type { ToolCage } from "../host/process/tool-cage.ts";
import type { LayerRef } from "../model/artifact.ts";
import type { Paths } from "../model/paths.ts";
import { contentProblem } from "./check.ts";
import { type Conversion, type ConvertedLayer, convertLayer, type LayerSource } from "./layer/convert.ts";
import type { LayerKind } from "./layer/entries.ts";

export type LayersDeps = {
  paths: Paths;
  /** the store's record of a layer */
  knownLayer(digest: Digest): LayerRef | null;
  verified: VerifiedFiles;
  cpus: number;
  cage: ToolCage;
};

/** @property chain diff ids up to and including the wanted layer, lowest first */
export type WantedLayer = { chain: readonly Digest[]; as: LayerKind };
/** A source whose stream is packed unchanged, so that the result follows from the stream's digest. */
export type UnchangedSource = Omit<LayerSource, "as" | "leaveOut" | "rewrite" | "unlessEmpty">;

export type MakeOptions = Omit<Conversion, "path" | "cpus" | "cage">;

export class Layers {
  readonly #deps: LayersDeps;
  readonly #shared = new SharedWork<LayerRef>("again");
  readonly #cpus: Semaphore;
  /** made by this process; the store may not have them yet */
  readonly #made = new Map<Digest, LayerRef>();

  constructor(deps: LayersDeps) {
    this.#deps = deps;
    this.#cpus = new Semaphore(Math.max(2, deps.cpus));
  }

  /**
   * The last layer of `wanted.chain`, made from `open` if it does not exist. Diff ids come from untrusted configs, so
   * work is shared only between requests that get the bytes from the same place.
   * @param from where `open` gets the bytes @throws what converting throws
   */
  async ensure(
    wanted: WantedLayer & { from: string },
    open: (signal: AbortSignal) => Promise<UnchangedSource>,
    options: MakeOptions,
  ): Promise<LayerRef> {
    const { chain, as, from } = wanted;
    return this.#shared.run(`${boundDigest(chain, as)} ${from}`, options.signal, async (signal) => {
      const known = await this.#find(wanted);
      if (known) return known;
      const source = { ...(await open(signal)), as };
      return this.#make(source, chain.slice(0, -1), { ...options, signal }, chain.at(-1));
    });
  }

  /** True if `ensure` would find the layer. */
  async has(wanted: WantedLayer): Promise<boolean> {
    return (await this.#find(wanted)) !== null;
  }

  /** Makes a layer whose digest is not known beforehand: a root file system, or what a VM wrote above `below`. */
  async add(source: LayerSource, below: readonly Digest[], options: MakeOptions): Promise<LayerRef> {
    return this.#make(source, below, options);
  }

  /** Makes the layer with that digest in another way. @param make writes the squashfs to `path` */
  async combine(
    digest: Digest,
    signal: AbortSignal,
    make: (path: string, signal: AbortSignal) => Promise<Pick<LayerRef, "root" | "hidesAll">>,
  ): Promise<LayerRef> {
    return this.#shared.run(digest, signal, async (shared) => {
      const known = await this.#intact(digest);
      if (known) return known;
      return this.#withTempFile(async (path) => this.#keep(path, digest, await make(path, shared)));
    });
  }

  async #make(source: LayerSource, below: readonly Digest[], options: MakeOptions, wanted?: Digest): Promise<LayerRef> {
    return this.#withTempFile(async (path) => {
      const { cage } = this.#deps;
      const made = await convertLayer(source, { ...options, path, cpus: this.#cpus, cage });
      if (wanted && made.diffId !== wanted) throw new WrongDiffId(wanted, made.diffId);
      return this.#keep(path, digestOf(source, below, made), made);
    });
  }

  async #withTempFile<T>(body: (path: string) => Promise<T>): Promise<T> {
    const { paths } = this.#deps;
    await Promise.all([ensureFolder(paths.partial), ensureFolder(paths.layers)]);
    const path = tempPath(paths.partial, "layer");
    try {
      return await body(path);
    } finally {
      await removeTree(path);
    }
  }

  /** An existing, intact layer. */
  async #find({ chain, as }: WantedLayer): Promise<LayerRef | null> {
    const own = chain.at(-1);
    const bound = await this.#intact(boundDigest(chain, as));
    return bound ?? (own && as === "layer" ? this.#intact(own) : null);
  }

  /** Gives a finished file its final name, unless an intact one has it already. */
  async #keep(
    path: string,
    digest: Digest,
    { root, hidesAll }: Pick<LayerRef, "root" | "hidesAll">,
  ): Promise<LayerRef> {
    const known = await this.#intact(digest);
    if (known) return known;
    const [bytes, fileDigest] = await Promise.all([sizeOf(path), sha256File(path)]);
    const layer: LayerRef = { digest, bytes, root, hidesAll, fileDigest };
    const target = this.#deps.paths.layer(digest);
    await renameDurable(path, target);
    await this.#deps.verified.trust(target);
    this.#made.set(digest, layer);
    return layer;
  }

  async #intact(digest: Digest): Promise<LayerRef | null> {
    const layer = this.#made.get(digest) ?? this.#deps.knownLayer(digest);
    if (!layer) return null;
    const { paths, verified } = this.#deps;
    return (await contentProblem(verified, layer, paths.layer(digest))) === null ? layer : null;
  }
}

/** The layer does not have the diff id that the image's config names. */
export class WrongDiffId extends Error {
  constructor(wanted: Digest, found: Digest) {
    super(`a layer has the digest ${found} instead of ${wanted} when unpacked`);
    this.name = "WrongDiffId";
  }
}

/** The digest that names a layer: over everything that determines its content. */
function digestOf(
  { as = "layer", unlessEmpty }: LayerSource,
  below: readonly Digest[],
  { diffId, isBound, packed, root, hidesAll }: ConvertedLayer,
): Digest {
  if (packed !== null) return named(`packed\n${packed}\n${JSON.stringify([root, hidesAll])}\n`);
  if (unlessEmpty !== undefined) return named(`${as} without an empty ${unlessEmpty}\n${diffId}\n`);
  return isBound || as !== "layer" ? boundDigest(isBound ? [...below, diffId] : [diffId], as) : diffId;
}

/** Names a layer that depends on those below it, or on how it was read. @param chain diff ids, lowest first */
function boundDigest(chain: readonly Digest[], as: LayerKind = "layer"): Digest {
  return named(`${as === "layer" ? "" : `${as}\n`}${chain.join("\n")}\n`);
}

function named(text: string): Digest {
  return `sha256:${createHash("sha256").update(`banger layer 1\n${text}`).digest("hex")}` as Digest;
}

/** Names the layer that several were merged into. @param isBottom its whiteouts are left out */
export function mergedDigest(layers: readonly Digest[], isBottom: boolean): Digest {
  const content = `banger merged layers 1 ${isBottom ? "bottom" : "middle"}\n${layers.join("\n")}\n`;
  return `sha256:${createHash("sha256").update(content).digest("hex")}` as Digest;
}
