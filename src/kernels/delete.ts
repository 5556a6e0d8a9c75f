/** Removes the files of kernels that no record holds any more. */
import type { ArtifactDeps } from "../artifacts/deps.ts";
import type { Digest } from "../base/names.ts";
import { removeTrees } from "../host/files/files.ts";

/** Missing files are fine: a removal that was interrupted is done again. */
export async function deleteKernels(deps: Pick<ArtifactDeps, "paths">, kernels: readonly Digest[]): Promise<void> {
  await removeTrees(kernels.map((digest) => deps.paths.kernel(digest).directory));
}
