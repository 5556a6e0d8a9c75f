/**
 * Contents that neither a name nor a VM holds any more: their records go first, their files after, journalled, so that a
 * death in between leaves nothing. Never while something is imported: what it has just stored has no record yet.
 */
import type { Known } from "../../artifacts/strays.ts";
import type { Digest } from "../../base/names.ts";
import type { JournalEntry, OpenChange } from "../../store/journal.ts";
import type { ImagesContext } from "./context.ts";

type Files = { layers: Digest[]; kernels: Digest[] };

/** Drops every unused content; postponed while an import runs. */
export async function dropUnused(ctx: ImagesContext): Promise<void> {
  await betweenImports(ctx, () => dropNow(ctx));
}

/** Runs what no import may meet, one after the other; an import that begins meanwhile waits. Null, and nothing done: one runs. */
export async function betweenImports<T>(
  ctx: Pick<ImagesContext, "importing">,
  work: () => Promise<T>,
): Promise<T | null> {
  const { importing } = ctx;
  if (importing.count > 0) return null;
  const mine = importing.removal.then(async () => (importing.count > 0 ? null : work()));
  importing.removal = mine.then(
    () => {},
    () => {},
  );
  return mine;
}

/** Runs an import; unused contents are dropped when the last one is over. */
export async function whileImporting<T>(ctx: ImagesContext, work: () => Promise<T>): Promise<T> {
  ctx.importing.count += 1;
  try {
    await ctx.importing.removal;
    return await work();
  } finally {
    ctx.importing.count -= 1;
    ctx.background("dropping what nothing uses", dropUnused(ctx));
  }
}

/** Removes the files whose records an earlier daemon dropped. */
export async function finishDropping(ctx: ImagesContext, entry: JournalEntry): Promise<void> {
  const { layers, kernels } = JSON.parse(entry.subject) as Files;
  const known = new Set<Digest>(ctx.store.images.layers().map((layer) => layer.digest));
  const files = {
    layers: layers.filter((digest) => !known.has(digest)),
    kernels: kernels.filter((digest) => ctx.store.kernels.byDigest(digest) === null),
  };
  await removeFiles(ctx, files, ctx.store.journal.reopen(entry));
}

async function dropNow(ctx: ImagesContext): Promise<void> {
  const dropped = ctx.store.transaction(() => {
    const layers = ctx.store.images.dropUnused().layers.map((layer) => layer.digest);
    const kernels = ctx.store.kernels.dropUnused().map((kernel) => kernel.digest);
    if (layers.length + kernels.length === 0) return null;
    const files = { layers, kernels };
    return { files, change: ctx.store.journal.begin("drop", JSON.stringify(files), "files") };
  });
  if (dropped) {
    await removeFiles(ctx, dropped.files, dropped.change);
    await ctx.onContentsDropped();
  }
  await removeStrays(ctx);
}

async function removeFiles(ctx: ImagesContext, files: Files, change: OpenChange): Promise<void> {
  await ctx.artifacts.removeLayers(files.layers);
  await ctx.artifacts.removeKernels(files.kernels);
  change.end();
}

/** Files that an import which failed or died had finished before it was noted. */
async function removeStrays(ctx: ImagesContext): Promise<void> {
  if (ctx.importing.count > 0) return;
  await ctx.artifacts.removeStrays(knownContents(ctx));
}

export function knownContents({ store: { images, kernels } }: Pick<ImagesContext, "store">): Known {
  return {
    layers: new Set(images.layers().map(({ digest }) => digest)),
    kernels: new Set(kernels.digests()),
  };
}
