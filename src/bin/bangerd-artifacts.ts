/** Images and kernels as lifecycle policy wants them. */
import type { ArtifactDeps } from "../artifacts/deps.ts";
import { fail } from "../base/errors/error.ts";
import type { Exec } from "../host/exec.ts";
import { exists, removeTree } from "../host/files.ts";
import { checkImage } from "../images/check.ts";
import { importRootfs } from "../images/import.ts";
import { recipeFor } from "../images/recipes.ts";
import { checkKernel } from "../kernels/check.ts";
import { importKernelPackage } from "../kernels/import.ts";
import { ensureInitramfs } from "../kernels/initramfs.ts";
import type { MachineArtifacts } from "../machines/deps.ts";
import type { Paths } from "../model/paths.ts";

/** @param agent path of `banger-vsock-agent` */
export function wireArtifacts(facts: { exec: Exec; paths: Paths; agent: string }): MachineArtifacts {
  const { paths, agent, exec } = facts;
  const deps: ArtifactDeps = { paths, exec, now: () => Date.now() };
  return {
    checkImage: (image) => checkImage(deps, image),
    checkKernel: (kernel) => checkKernel(deps, kernel),
    async initramfs(kernel) {
      if (!(await exists(agent))) throw fail("TOOL_MISSING", agentMissing(agent));
      return ensureInitramfs(deps, { kernel, agent });
    },
    importImage: (upload, emit, signal) => importRootfs(deps, upload, emit, signal),
    importKernel: (upload, emit, signal) => importKernelPackage(deps, upload, emit, signal),
    removeLayers: (digests) => removeAll(digests.map((digest) => paths.layer(digest))),
    removeKernels: (digests) => removeAll(digests.map((digest) => paths.kernel(digest).directory)),
    imageRecipe: recipeFor,
  };
}

function agentMissing(agent: string) {
  const install = `put it at ${agent}, beside bangerd, as an installation does, or set BANGER_AGENT to its path`;
  return { tool: "banger-vsock-agent", why: "in every VM", install };
}

async function removeAll(files: readonly string[]): Promise<void> {
  await Promise.all(files.map((file) => removeTree(file)));
}
