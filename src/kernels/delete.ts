/** Removes the files of kernels that no record refers to. */
import type { ArtifactDeps } from "../artifacts/deps.ts";
import type { Digest } from "../base/names.ts";
import { removeTrees } from "../host/files/files.ts";

/** Missing files are fine: an interrupted removal is repeated. */
export async function deleteKernels(deps: Pick<ArtifactDeps, "paths">, kernels: readonly Digest[]): Promise<void> {
  await removeTrees(kernels.map((digest) => deps.paths.kernel(digest).directory));
}
