/** What VMs boot from, checked before a boot; and kernels: found by name, kept while a VM needs them. */
import { fail } from "../../base/errors/error.ts";
import { type Digest, type ImageName, isDigest, parseImageName } from "../../base/names.ts";
import { nearest } from "../../base/text.ts";
import { suiteOf } from "../../kernels/names.ts";
import type { ImageRecord, KernelRecord, KernelView } from "../../model/artifact.ts";
import type { Emit } from "../../model/event.ts";
import type { ArtifactRef, VmSpec } from "../../model/vm.ts";
import type { Upload } from "./artifacts-port.ts";
import { kernelProblem } from "./content-problem.ts";
import type { ImagesContext } from "./context.ts";
import { byBarePrefix, byDigestPrefix, type Findable } from "./digest-prefix.ts";
import { dropUnused, whileImporting } from "./unused.ts";

/** By name, by digest or by what its digest begins with. @throws KERNEL_NOT_FOUND, KERNEL_AMBIGUOUS, IMAGE_NAME_INVALID */
export function findKernel(ctx: Pick<ImagesContext, "store" | "artifacts">, text: string): KernelRecord {
  const found = lookUp(ctx.store.kernels, text);
  if (!found) throw fail("KERNEL_NOT_FOUND", kernelMissing(ctx, text));
  return found;
}

/** Null for one that is not here, whatever the reason. */
export function kernelIfAny(ctx: Pick<ImagesContext, "store">, text: string): KernelRecord | null {
  try {
    return lookUp(ctx.store.kernels, text);
  } catch {
    return null;
  }
}

function lookUp(kernels: Findable<KernelRecord>, text: string): KernelRecord | null {
  if (isDigest(text)) return kernels.byDigest(text);
  const ambiguous = (names: string[]) => fail("KERNEL_AMBIGUOUS", { text, names });
  const meant = byDigestPrefix(text, kernels, ambiguous);
  if (meant !== "no prefix") return meant;
  return kernels.byName(parseImageName(text)) ?? byBarePrefix(text, kernels, ambiguous);
}

/** A kernel that is not here, and what the CLI can do about it. */
export function kernelMissing(
  ctx: Pick<ImagesContext, "store" | "artifacts">,
  name: string,
): { name: string; recipe?: string; pull?: string; nearest?: string } {
  if (suiteOf(name) !== null) return { name, recipe: name };
  const offered = ctx.artifacts.catalogNames("kernel");
  if (offered.includes(name)) return { name, pull: name };
  const near = nearest(name, [...ctx.store.kernels.all().map((kernel) => kernel.name), ...offered]);
  return near ? { name, nearest: near } : { name };
}

export type ReadyArtifacts = { image: ImageRecord; kernel: KernelRecord; initramfs: string };

/** Checks what a VM boots from and makes its initramfs, side by side. */
export async function prepareArtifacts(
  ctx: ImagesContext,
  spec: Pick<VmSpec, "image" | "kernel">,
): Promise<ReadyArtifacts> {
  const image = ctx.store.images.byDigest(spec.image.digest);
  if (!image) throw fail("IMAGE_NOT_FOUND", { name: spec.image.name });
  const kernel = ctx.store.kernels.byDigest(spec.kernel.digest);
  if (!kernel) throw fail("KERNEL_NOT_FOUND", { name: spec.kernel.name });
  const made = ctx.artifacts.initramfs(kernel);
  made.catch(() => {});
  // what is damaged is said as such, and not as what could not be made of it
  await Promise.all([ctx.artifacts.checkImage(image), ctx.artifacts.checkKernel(kernel)]);
  return { image, kernel, initramfs: await made };
}

export async function viewKernel(ctx: ImagesContext, kernel: KernelRecord, verify = false): Promise<KernelView> {
  return { ...kernel, problem: await kernelProblem(ctx, kernel, verify) };
}

export function viewKernels(ctx: ImagesContext): Promise<KernelView[]> {
  return Promise.all(ctx.store.kernels.all().map((kernel) => viewKernel(ctx, kernel)));
}

export async function importKernel(
  ctx: ImagesContext,
  upload: Upload,
  emit: Emit,
  signal: AbortSignal,
): Promise<KernelRecord> {
  parseImageName(upload.name);
  return whileImporting(ctx, async () => {
    const record = await ctx.artifacts.importKernel(upload, emit, signal);
    ctx.store.kernels.put(record);
    return record;
  });
}

/** Hands the kernel to `use` as the tar stream of a package; it is not removed meanwhile. */
export async function exportKernel(
  ctx: ImagesContext,
  text: string,
  signal: AbortSignal,
  use: (tar: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  await whileImporting(ctx, async () => {
    const kernel = findKernel(ctx, text);
    await ctx.artifacts.checkKernel(kernel);
    await use(ctx.artifacts.exportKernel(kernel, signal));
  });
}

/** @throws KERNEL_NOT_FOUND, KERNEL_IN_USE */
export async function deleteKernel(ctx: ImagesContext, text: string): Promise<KernelRecord> {
  const kernel = findKernel(ctx, text);
  const users = usersOf(ctx.store.vms.namesUsingKernel(kernel.digest), kernel, ctx.store.kernels.all());
  if (users.length > 0) throw fail("KERNEL_IN_USE", { name: kernel.name, users });
  ctx.store.kernels.removeName(kernel.name);
  await dropUnused(ctx);
  return kernel;
}

/** VMs that hold the last name of a content; with another name left, giving up this one harms nobody. */
function usersOf(names: string[], one: { name: ImageName; digest: Digest }, all: readonly ArtifactRef[]): string[] {
  const hasOtherName = all.some((other) => other.digest === one.digest && other.name !== one.name);
  return hasOtherName ? [] : names;
}
