/**
 * Merges layers of images that have more than a guest mounts: the neighbouring layers that are cheapest to merge become
 * one.
 */
import type { Digest } from "../base/names.ts";
import type { LayerRef } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import { type ImageDeps, storingImage } from "./deps.ts";
import { Packer } from "./layer/packer.ts";
import { mergedDigest } from "./layers.ts";
import { openUnion } from "./open-union.ts";
import { maxLayers } from "./record.ts";
import { unionTar } from "./union/tar.ts";

/** @param layers lowest first @returns at most `maxLayers` layers with the same content */
export async function mergeLayers(
  deps: ImageDeps,
  layers: readonly LayerRef[],
  emit: Emit,
  signal: AbortSignal,
): Promise<LayerRef[]> {
  if (layers.length <= maxLayers) return [...layers];
  const { from, count } = cheapestRun(layers, layers.length - maxLayers + 1);
  const run = layers.slice(from, from + count);
  emit({ kind: "progress", step: "merge", text: `merging ${count} of ${layers.length} layers` });
  const merged = await mergeRun(deps, run, from === 0, signal);
  return [...layers.slice(0, from), merged, ...layers.slice(from + count)];
}

/** The `count` neighbouring layers with the fewest bytes. */
function cheapestRun(layers: readonly Pick<LayerRef, "bytes">[], count: number): { from: number; count: number } {
  const size = (from: number) => layers.slice(from, from + count).reduce((sum, layer) => sum + layer.bytes, 0);
  const starts = Array.from({ length: layers.length - count + 1 }, (_, from) => from);
  const from = starts.reduce((best, start) => (size(start) < size(best) ? start : best), 0);
  return { from, count };
}

/** @param isBottom there are no layers below, so whiteouts are left out */
async function mergeRun(
  deps: ImageDeps,
  run: readonly LayerRef[],
  isBottom: boolean,
  signal: AbortSignal,
): Promise<LayerRef> {
  const digests: Digest[] = run.map((layer) => layer.digest);
  return deps.layers.combine(mergedDigest(digests, isBottom), signal, async (path, shared) => {
    const { union, close } = await openUnion(deps.paths, run, { keepWhiteouts: !isBottom });
    const packer = await Packer.open(deps.cage, { path, during: storingImage, signal: shared });
    let isWhole = false;
    try {
      for await (const { entry, content } of unionTar(union)) {
        shared.throwIfAborted();
        if (entry.name === "") continue;
        packer.entry(entry);
        for await (const chunk of content ?? []) {
          packer.data(chunk);
          await packer.flush();
        }
        packer.pad(entry.size);
        await packer.flush();
      }
      await packer.finish();
      isWhole = true;
    } finally {
      if (!isWhole) await packer.kill();
      await close();
    }
    return { root: run.findLast((layer) => layer.root !== null)?.root ?? null, hidesAll: run[0]?.hidesAll ?? false };
  });
}
