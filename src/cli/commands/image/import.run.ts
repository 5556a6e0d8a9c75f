/** `banger image import`. */

import { type ImageName, isImageName } from "../../../base/names.ts";
import { trimEndOf } from "../../../base/trim.ts";
import { formatSize } from "../../../base/units.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { imageBytes } from "../../ui/artifacts.ts";
import { type JsonFlag, print, printJson, running, sinkOf } from "../../work.ts";

export async function importArchive(
  this: CliContext,
  flags: JsonFlag & { image?: string; name?: ImageName },
  given: string,
): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    const images = await cancellable(this.signals, async (signal) => {
      const { file, tag } = await this.splitTag(given);
      const { tar, source } = await this.openTar(file, signal);
      const query = queryOf({ ...flags, image: flags.image ?? tag }, nameFrom(file));
      return this.api.upload("importArchive", { source, query, tar }, sink.emit, signal);
    }).finally(() => sink.done());
    if (flags.json) return printJson(this, images);
    for (const image of images) print(this, `${image.name} ${formatSize(imageBytes(image))}\n`);
  }).finally(() => sink.done());
}

function queryOf({ image, name }: { image?: string | undefined; name?: ImageName }, fallback: string | null) {
  return { ...(image ? { image } : {}), ...(name ? { name } : {}), ...(fallback ? { fallback } : {}) };
}

/** The image name that a file suggests: `tool` for `tool.tar.gz`. */
function nameFrom(file: string): string | null {
  const base = trimEndOf(file, "/").split("/").at(-1) ?? "";
  const name = base
    .toLowerCase()
    .replace(/\.(?:tar|tgz|tar\.gz|tar\.zst|tar\.xz)$/, "")
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+|[._-]+$/g, "");
  return isImageName(name) ? name : null;
}
