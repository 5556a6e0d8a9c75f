/** Stores an image from its manifest and blobs: layers in parallel, skipping those that exist already. */
import { decompressed } from "../../artifacts/decompress.ts";
import type { Digest, ImageName } from "../../base/names.ts";
import { readStream } from "../../host/files/files.ts";
import type { ImageConfig, ImageRecord, LayerRef } from "../../model/artifact.ts";
import type { Emit } from "../../model/event.ts";
import { assembleImage } from "../assemble.ts";
import { type ImageDeps, storingImage } from "../deps.ts";
import type { Budget } from "../layer/reading.ts";
import type { UnchangedSource } from "../layers.ts";
import { lowerOf, openUnion } from "../open-union.ts";
import { refusing } from "../refusal.ts";
import { type Descriptor, ManifestError } from "./manifest.ts";

export type OciImage = {
  name: ImageName;
  source: string;
  /** where its layers come from: a repository, or one archive */
  from: string;
  config: ImageConfig;
  /** lowest first */
  layers: readonly Descriptor[];
  diffIds: readonly Digest[];
  /** path of a blob whose size and digest were checked */
  blob(layer: Descriptor, signal: AbortSignal): Promise<string>;
};

/**
 * @returns the record, which the caller stores
 * @throws IMAGE_INVALID, IMAGE_TOO_LARGE, DISK_FULL, TOOL_MISSING, TOOL_FAILED, and what `image.blob` throws
 */
export async function storeOciImage(
  deps: ImageDeps,
  image: OciImage,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const { name, source, config } = image;
  const budget = await deps.budget();
  return refusing(name, { ...budget }, async () => {
    const layers = await storeLayers(deps, image, budget, signal);
    return assembleImage(deps, { name, source, layers, config }, emit, signal);
  });
}

/** If one fails the others are cancelled. */
async function storeLayers(deps: ImageDeps, image: OciImage, budget: Budget, signal: AbortSignal): Promise<LayerRef[]> {
  const { layers, diffIds } = image;
  if (layers.length !== diffIds.length) {
    throw new ManifestError(`its manifest has ${layers.length} layers, its config ${diffIds.length}`);
  }
  const stop = new AbortController();
  const work = new LayerWork(deps, image, budget, AbortSignal.any([signal, stop.signal]));
  const all = layers.map((_, index) => work.ensure(index));
  try {
    return await Promise.all(all);
  } finally {
    stop.abort();
    await Promise.allSettled(all);
  }
}

class LayerWork {
  readonly #deps: ImageDeps;
  readonly #image: OciImage;
  readonly #budget: Budget;
  readonly #signal: AbortSignal;

  constructor(deps: ImageDeps, image: OciImage, budget: Budget, signal: AbortSignal) {
    this.#deps = deps;
    this.#image = image;
    this.#budget = budget;
    this.#signal = signal;
  }

  ensure(index: number, signal: AbortSignal = this.#signal): Promise<LayerRef> {
    const chain = this.#image.diffIds.slice(0, index + 1);
    const { from } = this.#image;
    const options = { during: storingImage, budget: this.#budget, onProgress() {}, signal };
    return this.#deps.layers.ensure({ chain, as: "layer", from }, (shared) => this.#open(index, shared), options);
  }

  async #open(index: number, signal: AbortSignal): Promise<UnchangedSource> {
    const path = await this.#image.blob(this.#image.layers[index] as Descriptor, signal);
    return {
      open: () => decompressed(readStream(path)),
      canReopen: true,
      // its digest was checked, so a missing end marker is how it was written
      end: "content",
      mustHaveFiles: false,
      lower: index === 0 ? null : () => this.#lower(index, signal),
    };
  }

  /** Waits for the layers below, in the order in which they were started. */
  async #lower(index: number, signal: AbortSignal) {
    const below = await Promise.all([...Array(index).keys()].map((at) => this.ensure(at, signal)));
    const from = below.findLastIndex((layer) => layer.hidesAll);
    const { union, close } = await openUnion(this.#deps.paths, below.slice(Math.max(0, from)));
    return { lower: lowerOf(union), close };
  }
}
