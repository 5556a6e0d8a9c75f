/** Removes the files of layers that no record holds any more. */
import type { ArtifactDeps } from "../artifacts/deps.ts";
import type { Digest } from "../base/names.ts";
import { removeTrees } from "../host/files/files.ts";

/** Missing files are fine: a removal that was interrupted is done again. */
export async function deleteLayers(deps: Pick<ArtifactDeps, "paths">, layers: readonly Digest[]): Promise<void> {
  await removeTrees(layers.map((digest) => deps.paths.layer(digest)));
}
