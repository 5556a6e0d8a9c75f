/** Removes the files of layers that no record refers to. */
import type { ArtifactDeps } from "../artifacts/deps.ts";
import type { Digest } from "../base/names.ts";
import { removeTrees } from "../host/files/files.ts";

/** Missing files are fine: an interrupted removal is repeated. */
export async function deleteLayers(deps: Pick<ArtifactDeps, "paths">, layers: readonly Digest[]): Promise<void> {
  await removeTrees(layers.map((digest) => deps.paths.layer(digest)));
}
