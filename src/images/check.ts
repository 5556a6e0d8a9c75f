/**
 * Whether an image's files exist and are intact. Sizes and headers are checked at each start of a VM; the whole content
 * is read before a boot, for a pull, and when a user asks.
 */
import type { ArtifactDeps } from "../artifacts/deps.ts";
import { readHead } from "../artifacts/read-head.ts";
import type { VerifiedFiles } from "../artifacts/verified.ts";
import { fail } from "../base/errors/error.ts";
import { isDigest } from "../base/names.ts";
import { checkSquashfs, superblockSize } from "../formats/squashfs.ts";
import { exists, sizeOf } from "../host/files/files.ts";
import type { ImageRecord, LayerRef } from "../model/artifact.ts";

type Deps = Pick<ArtifactDeps, "paths">;

/** @throws IMAGE_DAMAGED naming the first file that is missing, cut short or not a layer */
export async function checkImage(deps: Deps, record: ImageRecord): Promise<void> {
  await eachLayer(deps, record, ({ bytes }, file) => layerProblem(file, bytes));
}

/**
 * As `checkImage`, but reads the whole content of layers that have a recorded digest; those of older versions have
 * none.
 * @param again see `VerifiedFiles` @throws IMAGE_DAMAGED
 */
export async function verifyImage(
  deps: Deps & { verified: VerifiedFiles },
  record: ImageRecord,
  again = false,
): Promise<void> {
  await eachLayer(deps, record, (layer, file) => contentProblem(deps.verified, layer, file, again));
}

/** Reads a layer's whole file. @returns what is wrong with it, as the end of a sentence; null if nothing is */
export async function contentProblem(
  verified: VerifiedFiles,
  { bytes, fileDigest }: LayerRef,
  file: string,
  again = false,
): Promise<string | null> {
  const problem = await layerProblem(file, bytes);
  return problem ?? (fileDigest ? verified.problem(file, fileDigest, again) : null);
}

async function eachLayer(
  { paths }: Deps,
  record: ImageRecord,
  problemOf: (layer: LayerRef, file: string) => Promise<string | null>,
): Promise<void> {
  const layers = record.direct ? [...record.layers, record.direct] : record.layers;
  const checks = layers.map(async (layer) => {
    const file = paths.layer(layer.digest);
    const problem = await problemOf(layer, file);
    if (problem) throw fail("IMAGE_DAMAGED", { name: record.name, file, problem, next: recoveryHint(record) });
  });
  await Promise.all(checks);
}

/** What a user can do to get intact files again. */
export function recoveryHint({ name, source }: Pick<ImageRecord, "name" | "source">): string {
  const [, kind = "", what = ""] = /^(registry|recipe|catalog) (\S+)/.exec(source) ?? [];
  const entry = isDigest(name) ? "" : name;
  const pulled = kind === "catalog" ? entry : what;
  if (pulled !== "") return `get it again with \`banger image pull ${pulled}\``;
  return `make or import it again under the same name, or delete it; it came from ${source}`;
}

/** What is wrong with a layer's file by its size and header, as the end of a sentence; null if it looks intact. */
async function layerProblem(file: string, bytes: number): Promise<string | null> {
  if (!(await exists(file))) return "is missing";
  const size = await sizeOf(file);
  const found = checkSquashfs(await readHead(file, superblockSize), size);
  if ("problem" in found) return found.problem;
  return size === bytes ? null : `has ${size} bytes instead of ${bytes}`;
}
