/**
 * Whether a kernel's files exist and are intact: by their sizes, which is cheap enough for each start of a VM, or by
 * their whole content.
 */
import { createHash } from "node:crypto";
import type { ArtifactDeps } from "../artifacts/deps.ts";
import { readHead } from "../artifacts/read-head.ts";
import type { VerifiedFiles } from "../artifacts/verified.ts";
import { fail } from "../base/errors/error.ts";
import type { Digest } from "../base/names.ts";
import { checkSquashfs, superblockSize } from "../formats/squashfs.ts";
import { exists, listFolder, readStream, sizeOf } from "../host/files/files.ts";
import type { KernelRecord } from "../model/artifact.ts";
import type { KernelPaths } from "../model/paths.ts";

type Deps = Pick<ArtifactDeps, "paths">;

/** @throws KERNEL_DAMAGED naming the file */
export async function checkKernel({ paths }: Deps, record: KernelRecord): Promise<void> {
  const problem = await kernelProblem(paths.kernel(record.digest), record.bytes);
  if (problem) throw fail("KERNEL_DAMAGED", { name: record.name, problem });
}

/** As `checkKernel`, but reads the whole content. @param again see `VerifiedFiles` @throws KERNEL_DAMAGED */
export async function verifyKernel(
  { paths, verified }: Deps & { verified: VerifiedFiles },
  record: KernelRecord,
  again = false,
): Promise<void> {
  const { name, digest, bytes } = record;
  const files = paths.kernel(digest);
  const cheap = await kernelProblem(files, bytes);
  const problem =
    cheap ??
    (await verified.problemBy(
      files.directory,
      await contentFiles(files),
      () => kernelContentProblem(files, digest),
      again,
    ));
  if (problem) throw fail("KERNEL_DAMAGED", { name, problem });
}

/**
 * What is wrong with a kernel's files by their sizes, as a clause; null if they look intact. @param bytes of all of
 * them
 */
export async function kernelProblem(paths: KernelPaths, bytes: number): Promise<string | null> {
  const list = `${paths.bootModules}/modules.list`;
  for (const file of [paths.vmlinux, paths.modules, list]) if (!(await exists(file))) return `${file} is missing`;
  const squashfs = checkSquashfs(await readHead(paths.modules, superblockSize), await sizeOf(paths.modules));
  if ("problem" in squashfs) return `${paths.modules} ${squashfs.problem}`;
  const sizes = await Promise.all((await contentFiles(paths)).map(sizeOf));
  const found = sizes.reduce((sum, size) => sum + size, 0);
  return found === bytes ? null : `the files in ${paths.directory} have ${found} bytes instead of ${bytes}`;
}

/** What is wrong with their content; the files must exist. */
export async function kernelContentProblem(paths: KernelPaths, digest: Digest): Promise<string | null> {
  const found = await kernelDigest(paths);
  return found === digest ? null : `the files in ${paths.directory} have the digest ${found} instead of ${digest}`;
}

/** The files that a kernel's digest covers, in order. */
export async function contentFiles({ vmlinux, modules, bootModules }: KernelPaths): Promise<string[]> {
  const boot = (await listFolder(bootModules)).toSorted().map((name) => `${bootModules}/${name}`);
  return [vmlinux, modules, ...boot];
}

/** Covers each file's path within the folder, its length and its content. */
export async function kernelDigest(paths: KernelPaths): Promise<Digest> {
  const hash = createHash("sha256");
  for (const file of await contentFiles(paths)) {
    hash.update(`${file.slice(paths.directory.length)} ${await sizeOf(file)}\n`);
    for await (const chunk of readStream(file)) hash.update(chunk);
  }
  return `sha256:${hash.digest("hex")}` as Digest;
}
