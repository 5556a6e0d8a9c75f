/** Freeing space: what is unused, and what interrupted work left. */
import { type Digest, isDigest } from "../../base/names.ts";
import type { ImageRecord, Pruned } from "../../model/artifact.ts";
import type { TemplateRecord } from "../../model/save.ts";
import { betweenImports, dropUnused, knownContents } from "../images/unused.ts";
import type { TemplatesContext } from "./context.ts";
import { allTemplates } from "./records.ts";
import { removeTemplate } from "./templates.ts";

export type PruneRequest = {
  /** also images that have a name, and templates; else only images without one */
  all: boolean;
  /** only reports what would be removed */
  dryRun: boolean;
};

export async function pruneImages(ctx: TemplatesContext, { all, dryRun }: PruneRequest): Promise<Pruned> {
  const kept = await initramfsInUse(ctx);
  const images = unusedImages(ctx).filter(({ name }) => all || isDigest(name));
  const pruned: Pruned = {
    images: images.map(({ name, digest }) => ({ name, digest })),
    bytes: bytesOfOnly(ctx, images),
    templates: templatesOf(all ? allTemplates(ctx) : []),
    leftovers: { files: 0, bytes: 0 },
  };
  if (!dryRun && images.length > 0) {
    ctx.store.transaction(() => {
      for (const { name, digest } of images) {
        // a VM may have been made of it since
        if (ctx.store.vms.namesUsingImage(digest).length === 0) ctx.store.images.removeName(name);
      }
    });
    await dropUnused(ctx);
  }
  if (all && !dryRun) for (const { key } of allTemplates(ctx)) await removeTemplate(ctx, key, "pruning");
  // files of an import under way look like those of an interrupted one
  const leftovers = await betweenImports(ctx, () =>
    ctx.artifacts.removeLeftovers({ kept, known: knownContents(ctx) }, dryRun),
  );
  return leftovers ? { ...pruned, leftovers } : pruned;
}

/** A damaged kernel has none that is worth keeping; one that is missing and does not fit on the disk is not there to be kept. */
async function initramfsInUse(ctx: TemplatesContext): Promise<string[]> {
  const made = await Promise.allSettled(ctx.store.kernels.all().map((kernel) => ctx.artifacts.initramfs(kernel)));
  return made.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}

function templatesOf(templates: readonly TemplateRecord[]): Pruned["templates"] {
  return { count: templates.length, bytes: templates.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** One entry for each name. */
function unusedImages(ctx: TemplatesContext): ImageRecord[] {
  return ctx.store.images.all().filter((image) => ctx.store.vms.namesUsingImage(image.digest).length === 0);
}

/** Of layers that no other image has. */
function bytesOfOnly(ctx: TemplatesContext, images: readonly ImageRecord[]): number {
  const left = ctx.store.images.layerUses();
  const sizes = new Map<Digest, number>();
  for (const image of new Map(images.map((one) => [one.digest, one])).values()) {
    for (const { digest, bytes } of image.direct ? [...image.layers, image.direct] : image.layers) {
      left.set(digest, (left.get(digest) ?? 0) - 1);
      sizes.set(digest, bytes);
    }
  }
  return [...sizes].reduce((sum, [digest, bytes]) => sum + ((left.get(digest) ?? 0) <= 0 ? bytes : 0), 0);
}
