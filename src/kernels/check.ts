/** Whether a kernel's files are there and whole: cheap enough for each start of a VM. */
import type { ArtifactDeps } from "../artifacts/deps.ts";
import { checkSquashfs, superblockSize } from "../artifacts/squashfs.ts";
import { fail } from "../base/errors/error.ts";
import { exists, listFolder, readStream, sizeOf } from "../host/files.ts";
import type { KernelRecord } from "../model/artifact.ts";
import type { KernelPaths } from "../model/paths.ts";

/** @throws KERNEL_UNUSABLE naming the file */
export async function checkKernel(deps: Pick<ArtifactDeps, "paths">, record: KernelRecord): Promise<void> {
  const problem = await kernelProblem(deps.paths.kernel(record.digest), record.bytes);
  if (problem) throw fail("KERNEL_UNUSABLE", { name: record.name, problem });
}

/** What is wrong with a kernel's files, as a clause; null when they look whole. @param bytes of all of them */
export async function kernelProblem(paths: KernelPaths, bytes: number): Promise<string | null> {
  const list = `${paths.bootModules}/modules.list`;
  for (const file of [paths.vmlinux, paths.modules, list]) if (!(await exists(file))) return `${file} is missing`;
  const squashfs = checkSquashfs(await headOf(paths.modules), await sizeOf(paths.modules));
  if ("problem" in squashfs) return `${paths.modules} ${squashfs.problem}`;
  const boot = (await listFolder(paths.bootModules)).map((name) => `${paths.bootModules}/${name}`);
  const sizes = await Promise.all([paths.vmlinux, paths.modules, ...boot].map(sizeOf));
  const found = sizes.reduce((sum, size) => sum + size, 0);
  return found === bytes ? null : `the files in ${paths.directory} have ${found} bytes instead of ${bytes}`;
}

async function headOf(file: string): Promise<Uint8Array> {
  for await (const chunk of readStream(file, { to: superblockSize })) return chunk;
  return new Uint8Array();
}
