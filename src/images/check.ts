/** Whether an image's files are there and whole: cheap enough for each start of a VM, so sizes and headers only. */

import type { ArtifactDeps } from "../artifacts/deps.ts";
import { checkSquashfs, superblockSize } from "../artifacts/squashfs.ts";
import { fail } from "../base/errors/error.ts";
import { exists, readStream, sizeOf } from "../host/files.ts";
import type { ImageRecord } from "../model/artifact.ts";

/** @throws IMAGE_DAMAGED naming the first file that is missing, cut short or no layer */
export async function checkImage(deps: Pick<ArtifactDeps, "paths">, record: ImageRecord): Promise<void> {
  const layers = record.direct ? [...record.layers, record.direct] : record.layers;
  const checks = layers.map(async (layer) => {
    const file = deps.paths.layer(layer.digest);
    const problem = await layerProblem(file, layer.bytes);
    if (problem) throw fail("IMAGE_DAMAGED", { name: record.name, file, problem });
  });
  await Promise.all(checks);
}

/** What is wrong with a layer's file, as the end of a sentence; null when it looks whole. */
export async function layerProblem(file: string, bytes: number): Promise<string | null> {
  if (!(await exists(file))) return "is missing";
  const size = await sizeOf(file);
  const found = checkSquashfs(await headOf(file), size);
  if ("problem" in found) return found.problem;
  return size === bytes ? null : `has ${size} bytes instead of ${bytes}`;
}

async function headOf(file: string): Promise<Uint8Array> {
  for await (const chunk of readStream(file, { to: superblockSize })) return chunk;
  return new Uint8Array();
}
