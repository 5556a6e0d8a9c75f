/**
 * Whether a template is still what was saved. Reading its files would take longer than a boot, so the record has a stamp of
 * each: of its memory and disk the inode and time of change, which no ordinary user can set, because a VMM may have had them
 * open for writing; of the files in the cache that its guest runs from the inode, size and time of modification.
 */
import type { TemplateRecord } from "../../model/save.ts";
import type { SavedState } from "../../model/saved-state.ts";
import type { ReadyArtifacts } from "../images/artifacts.ts";
import type { TemplatesContext } from "./context.ts";
import { saveOf } from "./start-source.ts";

type Deps = Pick<TemplatesContext, "files" | "isUntouched" | "paths">;

/** Content stamps by path below the cache; null for a file that was missing */
export type Stamps = Record<string, string | null>;

/** A driver's record with what `changedPart` compares. */
export type StampedState = SavedState & { diskStamp: string | null; basis: Stamps };

/** Of the layers, kernel, modules and initramfs that the template's guest runs from. */
export async function basisStamps(ctx: Deps, { image, kernel, initramfs }: ReadyArtifacts): Promise<Stamps> {
  const layers = image.direct ? [...image.layers, image.direct] : image.layers;
  const { vmlinux, modules } = ctx.paths.kernel(kernel.digest);
  const all = [...layers.map(({ digest }) => ctx.paths.layer(digest)), vmlinux, modules, initramfs];
  const { cache } = ctx.paths.roots;
  return stampsOf(
    ctx,
    all.map((path) => path.slice(cache.length + 1)),
  );
}

async function stampsOf({ files, paths }: Deps, names: readonly string[]): Promise<Stamps> {
  const stamps = await files.contentStamps(names.map((name) => `${paths.roots.cache}/${name}`));
  return Object.fromEntries(names.map((name, at) => [name, stamps[at] ?? null]));
}

/** What was changed since the template was made, as the start of a sentence; null: nothing. */
export async function changedPart(ctx: Deps, { key, save }: TemplateRecord): Promise<string | null> {
  const own = ctx.paths.template(key);
  const { diskStamp, basis = {} } = save as Partial<StampedState>;
  const [isMemory, [disk], present] = await Promise.all([
    ctx.isUntouched(saveOf(save, own)),
    ctx.files.changeStamps([own.disk]),
    stampsOf(ctx, Object.keys(basis)),
  ]);
  if (!isMemory) return "its memory file";
  if (disk !== diskStamp) return "its disk";
  const changed = Object.keys(basis).find((name) => present[name] !== basis[name]);
  return changed === undefined ? null : `${ctx.paths.roots.cache}/${changed}`;
}
