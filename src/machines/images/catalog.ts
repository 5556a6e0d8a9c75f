/** What catalogs offer: pulled by a short name, listed, and missed with what would help. */
import { type BangerError, fail, isError } from "../../base/errors/error.ts";
import { isDigest, parseImageName } from "../../base/names.ts";
import { formatAge } from "../../base/units.ts";
import type { ImageRecord, KernelRecord } from "../../model/artifact.ts";
import type { BundleRef, CatalogEntry, CatalogItem, CatalogView } from "../../model/catalog.ts";
import type { Emit } from "../../model/event.ts";
import { kernelMissing } from "./artifacts.ts";
import type { CatalogLookup } from "./artifacts-port.ts";
import type { ImagesContext } from "./context.ts";
import { findImage, imageIfAny } from "./find-image.ts";
import { nameImage } from "./name-image.ts";
import { whileImporting } from "./unused.ts";

/**
 * What is here already, made of that very bundle, is not fetched again; what no catalog has and is here needs no pulling.
 * @throws IMAGE_NOT_FOUND with what would make it, a catalog's failure when that one may have had it, and what pulling throws
 */
export async function pullFromCatalog(
  ctx: ImagesContext,
  text: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  if (isDigest(text) || text.startsWith("sha256:")) return wholeImage(ctx, text);
  const { entry, failures } = await ctx.artifacts.findInCatalogs("image", parseImageName(text), signal);
  if (entry && "bundle" in entry.from) {
    tell(ctx, failures, emit);
    return pullImageBundle(ctx, entry, entry.from.bundle, emit, signal);
  }
  const isPossible = imageIfAny(ctx, text) !== null || ctx.artifacts.imageRecipe(text) !== undefined;
  if (!isPossible && failures[0]) throw failures[0].error;
  tell(ctx, failures, emit);
  return wholeImage(ctx, text);
}

/** One that is here already. @throws IMAGE_NOT_FOUND for a damaged one that can be built, IMAGE_DAMAGED for another */
async function wholeImage(ctx: ImagesContext, text: string): Promise<ImageRecord> {
  const image = findImage(ctx, text);
  try {
    await ctx.artifacts.verifyImage(image, true);
    return image;
  } catch (error) {
    const recipe = ctx.artifacts.imageRecipe(text);
    if (!isError(error, "IMAGE_DAMAGED") || recipe === undefined) throw error;
    throw fail("IMAGE_NOT_FOUND", { name: text, recipe }, error);
  }
}

async function pullImageBundle(
  ctx: ImagesContext,
  entry: CatalogEntry,
  ref: BundleRef,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  return whileImporting(ctx, async () => {
    const known = await ifWhole(ctx.store.images.bySourceDigest(ref.digest), (image) =>
      ctx.artifacts.verifyImage(image, true),
    );
    const { name, kernel } = entry;
    const record = known ? { ...known, name, kernel } : await ctx.artifacts.pullImageBundle(entry, ref, emit, signal);
    nameImage(ctx, record, emit, { sourceDigests: [ref.digest] });
    return record;
  });
}

/** One whose files are gone or damaged is pulled again. @param check rejects for such a one */
async function ifWhole<T>(record: T | null, check: (record: T) => Promise<unknown>): Promise<T | null> {
  if (!record) return null;
  return check(record).then(
    () => record,
    () => null,
  );
}

/** @throws KERNEL_NOT_FOUND with what would fetch it, a catalog's failure when that one may have had it */
export async function pullKernel(
  ctx: ImagesContext,
  text: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<KernelRecord> {
  const { entry, failures } = await ctx.artifacts.findInCatalogs("kernel", parseImageName(text), signal);
  if (entry && "bundle" in entry.from) {
    tell(ctx, failures, emit);
    return pullKernelBundle(ctx, entry, entry.from.bundle, emit, signal);
  }
  const missing = kernelMissing(ctx, text);
  if (missing.recipe === undefined && failures[0]) throw failures[0].error;
  tell(ctx, failures, emit);
  throw fail("KERNEL_NOT_FOUND", missing);
}

async function pullKernelBundle(
  ctx: ImagesContext,
  entry: CatalogEntry,
  ref: BundleRef,
  emit: Emit,
  signal: AbortSignal,
): Promise<KernelRecord> {
  return whileImporting(ctx, async () => {
    const known = await ifWhole(ctx.store.kernels.bySourceDigest(ref.digest), (kernel) =>
      ctx.artifacts.verifyKernel(kernel, true),
    );
    const record = known
      ? { ...known, name: entry.name }
      : await ctx.artifacts.pullKernelBundle(entry, ref, emit, signal);
    ctx.store.kernels.put(record, ref.digest);
    return record;
  });
}

/** Everything that can be pulled by a short name, and how the catalogs are. */
export async function viewCatalog(ctx: ImagesContext, signal: AbortSignal): Promise<CatalogView> {
  const { entries, catalogs } = await ctx.artifacts.lookAtCatalogs(signal);
  return {
    entries: entries.map((entry): CatalogItem => ({ ...entry, here: isHere(ctx, entry) })),
    catalogs: catalogs.map(({ url, entries: own, failure, keptSince }) => ({
      url,
      entries: own.length,
      problem: failure?.message ?? null,
      keptSince,
    })),
  };
}

function isHere({ store }: ImagesContext, { kind, name, from }: CatalogEntry): CatalogItem["here"] {
  const here = kind === "image" ? store.images.byName(name) : store.kernels.byName(name);
  if (!here) return "no";
  if ("recipe" in from) return "yes";
  const origin =
    kind === "image"
      ? store.images.bySourceDigest(from.bundle.digest)
      : store.kernels.bySourceDigest(from.bundle.digest);
  return origin?.digest === here.digest ? "yes" : "other";
}

function tell(ctx: ImagesContext, failures: CatalogLookup["failures"], emit: Emit): void {
  for (const { error, keptSince } of failures) {
    const kept = keptSince === null ? "" : `; the copy of ${formatAge(ctx.clock.now() - keptSince)} ago is used`;
    emit({ kind: "note", level: "warn", text: `${oneLine(error)}${kept}` });
  }
}

function oneLine({ message }: BangerError): string {
  return message.replace(/\s*\n\s*/g, " ");
}
