/** Makes an image of its layers: drops hidden ones, merges too many, and inspects the result. */

import type { ImageName } from "../base/names.ts";
import { TarError } from "../formats/tar/header.ts";
import type { ImageConfig, ImageRecord, LayerRef } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import type { ImageDeps } from "./deps.ts";
import { inspect } from "./inspect.ts";
import { mergeLayers } from "./merge.ts";
import { withUnion } from "./open-union.ts";
import { imageRecord } from "./record.ts";

export type Parts = {
  name: ImageName;
  source: string;
  /** lowest first */
  layers: readonly LayerRef[];
  direct?: LayerRef | null;
  config: ImageConfig;
};

/** @returns the record, which the caller stores @throws TarError, SquashfsError, DISK_FULL */
export async function assembleImage(
  deps: ImageDeps,
  parts: Parts,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const { name, source, config, direct = null } = parts;
  const layers = await mergeLayers(deps, visibleLayers(parts.layers), emit, signal);
  const { hasFiles, ...facts } = await withUnion(deps.paths, layers, inspect);
  if (!hasFiles) throw new TarError("it contains no files");
  return imageRecord({ name, source, layers, direct, config, ...facts, createdAt: deps.now() });
}

/** Layers below one with an opaque root are never visible. */
function visibleLayers(layers: readonly LayerRef[]): LayerRef[] {
  const from = layers.findLastIndex((layer) => layer.hidesAll);
  return layers.slice(Math.max(0, from));
}
