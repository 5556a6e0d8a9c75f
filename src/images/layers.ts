/**
 * Layers as files: each is made once, whoever wants it, and only a whole one gets its final name. A layer that says
 * everything about itself is named by its diff id; one that was completed by what is below it, by its chain; and where
 * something else decides what is in it, that is in its name too.
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
  /** what the store knows of a layer */
  knownLayer(digest: Digest): LayerRef | null;
  verified: VerifiedFiles;
  cpus: number;
  cage: ToolCage;
};

/** @property chain diff ids up to the wanted layer, lowest first */
export type WantedLayer = { chain: readonly Digest[]; as: LayerKind };
/** All of the stream as it is: what comes of it can be known by its digest. */
export type UnchangedSource = Omit<LayerSource, "as" | "leaveOut" | "rewrite" | "unlessEmpty">;

export type MakeOptions = Omit<Conversion, "path" | "cpus" | "cage">;

export class Layers {
  readonly #deps: LayersDeps;
  readonly #shared = new SharedWork<LayerRef>("again");
  readonly #cpus: Semaphore;
  /** made here; the store may not have them yet */
  readonly #made = new Map<Digest, LayerRef>();

  constructor(deps: LayersDeps) {
    this.#deps = deps;
    this.#cpus = new Semaphore(Math.max(2, deps.cpus));
  }

  /**
   * The layer at the end of `wanted`, made by `open` when it isn't there. Diff ids are what a stranger's config says, so
   * work is shared only by those who have the bytes from the same place.
   * @param from where `open` has them from @throws what converting throws
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

  /** Whether `ensure` would have nothing to make. */
  async has(wanted: WantedLayer): Promise<boolean> {
    return (await this.#find(wanted)) !== null;
  }

  /** A layer of its own, whose digest nobody knew: a root file system, or what is above `below`. */
  async add(source: LayerSource, below: readonly Digest[], options: MakeOptions): Promise<LayerRef> {
    return this.#make(source, below, options);
  }

  /** Makes the layer with that digest by other means. @param make writes the squashfs to `path` */
  async combine(
    digest: Digest,
    signal: AbortSignal,
    make: (path: string, signal: AbortSignal) => Promise<Pick<LayerRef, "root" | "hidesAll">>,
  ): Promise<LayerRef> {
    return this.#shared.run(digest, signal, async (shared) => {
      const known = await this.#whole(digest);
      if (known) return known;
      return this.#working(async (path) => this.#keep(path, digest, await make(path, shared)));
    });
  }

  async #make(source: LayerSource, below: readonly Digest[], options: MakeOptions, wanted?: Digest): Promise<LayerRef> {
    return this.#working(async (path) => {
      const { cage } = this.#deps;
      const made = await convertLayer(source, { ...options, path, cpus: this.#cpus, cage });
      if (wanted && made.diffId !== wanted) throw new WrongDiffId(wanted, made.diffId);
      return this.#keep(path, digestOf(source, below, made), made);
    });
  }

  async #working<T>(body: (path: string) => Promise<T>): Promise<T> {
    const { paths } = this.#deps;
    await Promise.all([ensureFolder(paths.partial), ensureFolder(paths.layers)]);
    const path = tempPath(paths.partial, "layer");
    try {
      return await body(path);
    } finally {
      await removeTree(path);
    }
  }

  /** A layer that is there and whole. */
  async #find({ chain, as }: WantedLayer): Promise<LayerRef | null> {
    const own = chain.at(-1);
    const bound = await this.#whole(boundDigest(chain, as));
    return bound ?? (own && as === "layer" ? this.#whole(own) : null);
  }

  /** Gives a finished file its name, unless one that is whole has it already. */
  async #keep(
    path: string,
    digest: Digest,
    { root, hidesAll }: Pick<LayerRef, "root" | "hidesAll">,
  ): Promise<LayerRef> {
    const known = await this.#whole(digest);
    if (known) return known;
    const [bytes, fileDigest] = await Promise.all([sizeOf(path), sha256File(path)]);
    const layer: LayerRef = { digest, bytes, root, hidesAll, fileDigest };
    const target = this.#deps.paths.layer(digest);
    await renameDurable(path, target);
    await this.#deps.verified.trust(target);
    this.#made.set(digest, layer);
    return layer;
  }

  async #whole(digest: Digest): Promise<LayerRef | null> {
    const layer = this.#made.get(digest) ?? this.#deps.knownLayer(digest);
    if (!layer) return null;
    const { paths, verified } = this.#deps;
    return (await contentProblem(verified, layer, paths.layer(digest))) === null ? layer : null;
  }
}

/** The layer is not what the image's config says it is. */
export class WrongDiffId extends Error {
  constructor(wanted: Digest, found: Digest) {
    super(`a layer is ${found} instead of ${wanted} when it is unpacked`);
    this.name = "WrongDiffId";
  }
}

/** Everything that decides what is in a layer. */
function digestOf(
  { as = "layer", unlessEmpty }: LayerSource,
  below: readonly Digest[],
  { diffId, isBound, packed, root, hidesAll }: ConvertedLayer,
): Digest {
  if (packed !== null) return named(`packed\n${packed}\n${JSON.stringify([root, hidesAll])}\n`);
  if (unlessEmpty !== undefined) return named(`${as} without an empty ${unlessEmpty}\n${diffId}\n`);
  return isBound || as !== "layer" ? boundDigest(isBound ? [...below, diffId] : [diffId], as) : diffId;
}

/** Names a layer that is what it is because of those below it, or of how it was read. @param chain diff ids, lowest first */
export function boundDigest(chain: readonly Digest[], as: LayerKind = "layer"): Digest {
  return named(`${as === "layer" ? "" : `${as}\n`}${chain.join("\n")}\n`);
}

function named(text: string): Digest {
  return `sha256:${createHash("sha256").update(`banger layer 1\n${text}`).digest("hex")}` as Digest;
}

/** Names what several layers became together. @param isBottom its whiteouts are left out */
export function mergedDigest(layers: readonly Digest[], isBottom: boolean): Digest {
  const content = `banger merged layers 1 ${isBottom ? "bottom" : "middle"}\n${layers.join("\n")}\n`;
  return `sha256:${createHash("sha256").update(content).digest("hex")}` as Digest;
}
