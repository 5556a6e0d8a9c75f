/** `banger image prune`. */
import { count } from "../../../base/text.ts";
import { formatSize } from "../../../base/units.ts";
import type { CliContext } from "../../context.ts";
import { shortDigest } from "../../ui/artifacts.ts";
import { type JsonFlag, print, printJson, remark, running } from "../../work.ts";

export async function prune(this: CliContext, flags: JsonFlag & { all?: boolean; dryRun?: boolean }): Promise<void> {
  await running(this, flags, async () => {
    const body = { all: flags.all ?? false, dryRun: flags.dryRun ?? false };
    const pruned = await this.api.json("pruneImages", { body });
    if (flags.json) return printJson(this, pruned);
    for (const { name, digest } of pruned.images) print(this, `${name} ${shortDigest(digest)}\n`);
    const { files, bytes } = pruned.leftovers;
    const what = [
      ...(pruned.images.length > 0 ? [`${count(pruned.images.length, "image")}`] : []),
      ...(pruned.templates.count > 0 ? [`${count(pruned.templates.count, "template")}`] : []),
      ...(files > 0 ? [`${count(files, "leftover file")}`] : []),
    ];
    const all = formatSize(pruned.bytes + pruned.templates.bytes + bytes);
    if (what.length === 0) remark(this, flags, "nothing to remove\n");
    else if (body.dryRun) remark(this, flags, `${what.join(" and ")} would be removed, ${all}; nothing was removed\n`);
    else remark(this, flags, `${what.join(" and ")} removed, ${all}\n`);
  });
}
