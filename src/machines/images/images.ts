/** Images: import, pull, tag, show, delete; kept while a VM needs them. */
import { fail } from "../../base/errors/error.ts";
import { type Digest, isDigest, parseImageName } from "../../base/names.ts";
import { referenceOf } from "../../base/reference.ts";
import type { ImagePart, ImageRecord, ImageView, LayerRef } from "../../model/artifact.ts";
import type { Emit } from "../../model/event.ts";
import { findKernel } from "./artifacts.ts";
import type { ArchiveUpload, PullRequest, Upload } from "./artifacts-port.ts";
import { pullFromCatalog } from "./catalog.ts";
import { imageProblem } from "./content-problem.ts";
import type { ImagesContext } from "./context.ts";
import { findImage } from "./find-image.ts";
import { nameImage } from "./name-image.ts";
import { dropUnused, whileImporting } from "./unused.ts";

/** Stores an uploaded root file system under its name. @throws KERNEL_NOT_FOUND for the kernel it wants */
export async function importImage(
  ctx: ImagesContext,
  upload: Upload,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  parseImageName(upload.name);
  const kernel = upload.kernel === undefined ? null : findKernel(ctx, upload.kernel).name;
  return whileImporting(ctx, async () => {
    const record = { ...(await ctx.artifacts.importImage(upload, emit, signal)), kernel };
    nameImage(ctx, record, emit);
    return record;
  });
}

/** Stores every image of an archive, all of them or none. */
export async function importArchive(
  ctx: ImagesContext,
  upload: ArchiveUpload,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord[]> {
  return whileImporting(ctx, async () => {
    const records = await ctx.artifacts.importArchive(upload, emit, signal);
    ctx.store.transaction(() => {
      for (const record of records) nameImage(ctx, record, emit, { keepsOld: true });
    });
    return records;
  });
}

/** From its registry, or by a short name from a catalog. @throws what pulling throws */
export async function pullImage(
  ctx: ImagesContext,
  request: PullRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const reference = referenceOf(request.name);
  if (!reference) return pullFromCatalog(ctx, request.name, emit, signal);
  return whileImporting(ctx, async () => {
    const { record, sourceDigests } = await ctx.artifacts.pullImage({ ...request, reference }, emit, signal);
    nameImage(ctx, record, emit, { sourceDigests });
    return record;
  });
}

/** Gives an image one more name, and takes it from another image that has it. */
export function tagImage(ctx: ImagesContext, text: string, to: string): ImageRecord {
  const name = parseImageName(to);
  if (isDigest(name)) throw fail("IMAGE_NAME_INVALID", { text: name });
  return ctx.store.transaction(() => {
    const image = { ...findImage(ctx, text), name };
    ctx.store.images.put(image);
    return image;
  });
}

/** Hands the image to `use` as an OCI layout in a tar stream; none of its layers is removed meanwhile. */
export async function exportImage(
  ctx: ImagesContext,
  text: string,
  signal: AbortSignal,
  use: (tar: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  await whileImporting(ctx, async () => {
    const image = findImage(ctx, text);
    // before the answer has begun, and so that it says why
    await ctx.artifacts.checkImage(image);
    await use(ctx.artifacts.exportImage(image, signal));
  });
}

/** Hands a part of the image to `use` as one plain tar stream; none of its layers is removed meanwhile. */
export async function exportRootfs(
  ctx: ImagesContext,
  text: string,
  part: ImagePart,
  signal: AbortSignal,
  use: (tar: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  await whileImporting(ctx, async () => {
    const image = findImage(ctx, text);
    await ctx.artifacts.checkImage(image);
    await use(ctx.artifacts.exportRootfs(image, part, signal));
  });
}

/** Removes a name; with the last one the image is deleted. @throws IMAGE_NOT_FOUND, IMAGE_IN_USE */
export async function deleteImage(ctx: ImagesContext, text: string): Promise<ImageRecord> {
  const image = ctx.store.transaction(() => {
    const found = findImage(ctx, text);
    const names = ctx.store.images.namesOf(found.digest);
    const users = ctx.store.vms.namesUsingImage(found.digest);
    // with another name left, giving up this one harms nobody
    if (names.length <= 1 && users.length > 0) throw fail("IMAGE_IN_USE", { name: found.name, users });
    ctx.store.images.removeName(found.name);
    return found;
  });
  await dropUnused(ctx);
  return image;
}

type ViewOptions = { uses?: Map<Digest, number> /** see `imageProblem` */; verify?: boolean };

/** With what the image takes of the disk by itself, what it shares with others, and whether its files are whole. */
export async function viewImage(
  ctx: ImagesContext,
  image: ImageRecord,
  { uses = ctx.store.images.layerUses(), verify = false }: ViewOptions = {},
): Promise<ImageView> {
  const layers = image.direct ? [...image.layers, image.direct] : image.layers;
  const isShared = ({ digest }: LayerRef) => (uses.get(digest) ?? 0) > 1;
  return {
    ...image,
    ownBytes: bytesOf(layers.filter((layer) => !isShared(layer))),
    sharedBytes: bytesOf(layers.filter(isShared)),
    usedBy: ctx.store.vms.namesUsingImage(image.digest),
    problem: await imageProblem(ctx, image, verify),
  };
}

export async function viewImages(ctx: ImagesContext): Promise<ImageView[]> {
  const uses = ctx.store.images.layerUses();
  return Promise.all(ctx.store.images.all().map((image) => viewImage(ctx, image, { uses })));
}

function bytesOf(layers: readonly LayerRef[]): number {
  const sizes = new Map<Digest, number>(layers.map(({ digest, bytes }) => [digest, bytes]));
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
}
