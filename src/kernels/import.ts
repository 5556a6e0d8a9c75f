/**
 * Makes a guest kernel from a distribution's package: the ELF kernel, all modules as one squashfs, and the few that the
 * initramfs needs. The finished folder gets its final name last.
 */
import { abortable } from "../artifacts/abortable.ts";
import { CompressionError } from "../artifacts/decompress.ts";
import type { ArtifactDeps } from "../artifacts/deps.ts";
import { packingFailed, squashfsOptions } from "../artifacts/pack.ts";
import { mustSucceed } from "../artifacts/tools.ts";
import { fail } from "../base/errors/error.ts";
import { type ImageName, parseImageName } from "../base/names.ts";
import { configIn, releaseIn } from "../formats/elf-facts.ts";
import { TarError } from "../formats/tar/header.ts";
import {
  ensureFolder,
  exists,
  isDiskFull,
  removeTree,
  renameDurable,
  sizeOf,
  tempPath,
  writeAtomic,
} from "../host/files/files.ts";
import type { KernelRecord } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import { type KernelPaths, kernelPaths } from "../model/paths.ts";
import { storeBootModules } from "./boot-folder.ts";
import { contentFiles, kernelContentProblem, kernelDigest, kernelProblem } from "./check.ts";
import { extractKernel } from "./payload.ts";
import { builtinModules, missingOptions } from "./requirements.ts";
import { maxPackage, type UnpackedKernel, unpackKernel } from "./unpack.ts";

export type KernelUpload = { name: string; source: string; tar: AsyncIterable<Uint8Array> };

const during = "storing a kernel";
/** most bytes of one of depmod's tables; those of a distribution kernel have up to 2 MiB */
const maxTable = 256 * 1024 ** 2;

/**
 * @returns the record, which the caller stores
 * @throws KERNEL_UNUSABLE, IMAGE_NAME_INVALID, DISK_FULL, TOOL_MISSING, TOOL_FAILED, and whatever `upload.tar` throws;
 * nothing is left behind then
 */
export async function importKernelPackage(
  deps: ArtifactDeps,
  upload: KernelUpload,
  emit: Emit,
  signal: AbortSignal,
): Promise<KernelRecord> {
  const name = parseImageName(upload.name);
  await Promise.all([ensureFolder(deps.paths.partial), ensureFolder(deps.paths.kernels)]);
  const work = tempPath(deps.paths.partial, "kernel");
  await ensureFolder(work);
  try {
    const unpacked = await completed(deps, name, await unpackInto(`${work}/package`, upload, emit, signal));
    const made = kernelPaths(`${work}/kernel`);
    await build(deps, name, unpacked, made, emit, signal);
    return await keep(deps, { name, source: upload.source, release: unpacked.release }, made);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TarError || error instanceof CompressionError)
      throw fail("KERNEL_UNUSABLE", { name, problem: error.problem }, error);
    throw isDiskFull(error) ? fail("DISK_FULL", { path: work, during }, error) : error;
  } finally {
    await removeTree(work);
  }
}

async function unpackInto(
  base: string,
  upload: KernelUpload,
  emit: Emit,
  signal: AbortSignal,
): Promise<UnpackedKernel> {
  await ensureFolder(base);
  let reported = 0;
  return unpackKernel(abortable(upload.tar, signal), base, (done) => {
    if (done - reported < 16 * 1024 * 1024) return;
    reported = done;
    emit({ kind: "progress", step: "kernel", text: "unpacking the kernel", done });
  });
}

type ReadyKernel = UnpackedKernel & { elf: Uint8Array };

/**
 * Adds what the package does not give: a kernel without modules must contain its release, and can contain its
 * configuration.
 */
async function completed(deps: ArtifactDeps, name: ImageName, unpacked: UnpackedKernel): Promise<ReadyKernel> {
  const elf = await extractKernel(deps, name, unpacked.image);
  const release = unpacked.release || (await releaseIn(elf));
  if (release === null)
    throw fail("KERNEL_UNUSABLE", { name, problem: "it has no modules, and its release can't be determined" });
  return { ...unpacked, elf, release, config: unpacked.config ?? (await configIn(elf)) };
}

async function build(
  deps: ArtifactDeps,
  name: ImageName,
  unpacked: ReadyKernel,
  made: KernelPaths,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const { base, release, config } = unpacked;
  const missing = config === null ? [] : missingOptions(config);
  if (missing.length > 0)
    throw fail("KERNEL_UNUSABLE", { name, problem: `it was built without ${missing.join(", ")}` });
  emit({ kind: "progress", step: "kernel", text: `preparing kernel ${release}` });
  await ensureFolder(made.bootModules);
  await writeAtomic(made.vmlinux, unpacked.elf);
  if (config !== null) await writeAtomic(made.config, config);
  const modules = `${base}/lib/modules/${release}`;
  await ensureFolder(modules);
  await orderModules(deps, { base, modules, release }, signal);
  const builtin = config === null ? new Set<string>() : builtinModules(config);
  await storeBootModules(deps, name, { modules, folder: made.bootModules, builtin });
  await packModules(deps, modules, made.modules, signal);
}

/** Runs depmod, which writes its tables into the modules' folder. */
async function orderModules(
  deps: ArtifactDeps,
  { base, modules, release }: { base: string; modules: string; release: string },
  signal: AbortSignal,
): Promise<void> {
  const cage = await deps.cage.around("depmod", { readOnly: [base], readWrite: [modules], largestFile: maxTable });
  mustSucceed(await deps.exec(["depmod", "-b", base, release], { signal, cage }));
}

async function packModules(deps: ArtifactDeps, modules: string, to: string, signal: AbortSignal): Promise<void> {
  const fixed = ["-noappend", "-all-root", "-all-time", "0", "-action", "chmod(u=rwX,go=rX)@true"];
  const argv = ["mksquashfs", modules, to, ...squashfsOptions, ...fixed];
  const cage = await deps.cage.around("mksquashfs", { readOnly: [modules], outputs: [to], largestFile: maxPackage });
  const packed = await deps.exec(argv, { signal, timeoutMs: 300_000, cage });
  const stderr = new TextDecoder().decode(packed.stderr);
  if (packed.exitCode !== 0) throw packingFailed("mksquashfs", packed, stderr, to, during);
}

type Known = { name: ImageName; source: string; release: string };

/** Gives the finished folder its final name, unless an intact copy of the same kernel exists. */
async function keep(deps: ArtifactDeps, known: Known, made: KernelPaths): Promise<KernelRecord> {
  const files = await contentFiles(made);
  const digest = await kernelDigest(made);
  const bytes = (await Promise.all(files.map(sizeOf))).reduce((sum, size) => sum + size, 0);
  const record: KernelRecord = { ...known, digest, bytes, createdAt: deps.now() };
  const target = deps.paths.kernel(digest);
  const isHere = (await kernelProblem(target, bytes)) === null && (await kernelContentProblem(target, digest)) === null;
  if (isHere) return record;
  const { release, source } = known;
  await writeAtomic(made.manifest, `${JSON.stringify({ digest, release, source, bytes }, null, 2)}\n`);
  mustSucceed(await deps.exec(["sync", ...files, made.bootModules], { timeoutMs: 120_000 }));
  if (await exists(target.directory)) await removeTree(target.directory);
  await renameDurable(made.directory, target.directory);
  return record;
}
