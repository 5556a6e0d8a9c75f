/** From layers to an image: what is hidden is left out, what is too many is merged, what is there is looked at. */

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

/** @returns the record; the caller puts it into the store @throws TarError, SquashfsError, DISK_FULL */
export async function assembleImage(
  deps: ImageDeps,
  parts: Parts,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const { name, source, config, direct = null } = parts;
  const layers = await mergeLayers(deps, shown(parts.layers), emit, signal);
  const { hasFiles, ...facts } = await withUnion(deps.paths, layers, inspect);
  if (!hasFiles) throw new TarError("it holds no files");
  return imageRecord({ name, source, layers, direct, config, ...facts, createdAt: deps.now() });
}

/** Nothing of what is below a layer with an opaque root is ever seen. */
function shown(layers: readonly LayerRef[]): LayerRef[] {
  const from = layers.findLastIndex((layer) => layer.hidesAll);
  return layers.slice(Math.max(0, from));
}
