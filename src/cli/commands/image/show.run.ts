/** `banger image show`. */
import { quoteArgs } from "../../../base/text.ts";
import { formatSize } from "../../../base/units.ts";
import type { ImageConfig } from "../../../model/artifact.ts";
import type { CliContext } from "../../context.ts";
import { imageBytes, reportDamage, stateRow } from "../../ui/artifacts.ts";
import { pairs } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";

/** How the image is run; empty settings are left out. */
function config({ env, entrypoint, cmd, workdir, user }: ImageConfig): (readonly [string, string])[] {
  const rows: [string, string][] = [
    ["entrypoint", quoteArgs(entrypoint)],
    ["cmd", quoteArgs(cmd)],
    ["user", user],
    ["workdir", workdir],
    ["env", quoteArgs(Object.entries(env).map(([name, value]) => `${name}=${value}`))],
  ];
  return rows.filter(([, text]) => text !== "");
}

export async function show(this: CliContext, flags: JsonFlag & { verify?: boolean }, name: string): Promise<void> {
  await running(this, flags, async () => {
    const image = await this.api.json("showImage", { name, query: flags.verify ? { verify: "1" } : {} });
    const verified = flags.verify ?? false;
    if (flags.json) {
      printJson(this, image);
      return reportDamage(this, flags, image, verified);
    }
    print(
      this,
      pairs([
        ["name", image.name],
        ["digest", image.digest],
        ["size", `${formatSize(imageBytes(image))}, ${formatSize(image.sharedBytes)} of it shared with other images`],
        ["layers", String(image.layers.length)],
        ["init", image.init],
        ["shell", image.shell ? "yes" : "no"],
        ...config(image.config),
        ...(image.kernel ? [["kernel", image.kernel] as const] : []),
        ["used by", image.usedBy.join(", ") || "no VM"],
        ["source", image.source],
        ["created", new Date(image.createdAt).toISOString()],
        stateRow(image, verified),
      ]),
    );
    return reportDamage(this, flags, image, verified);
  });
}
