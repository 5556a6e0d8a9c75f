/** `banger image show`. */
import { formatSize } from "../../../base/units.ts";
import type { CliContext } from "../../context.ts";
import { imageBytes } from "../../ui/artifacts.ts";
import { pairs } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";

export async function show(this: CliContext, flags: JsonFlag, name: string): Promise<void> {
  await running(this, flags, async () => {
    const image = await this.api.json("showImage", { name });
    if (flags.json) return printJson(this, image);
    print(
      this,
      pairs([
        ["name", image.name],
        ["digest", image.digest],
        ["size", formatSize(imageBytes(image))],
        ["layers", String(image.layers.length)],
        ["init", image.init],
        ["source", image.source],
        ["created", new Date(image.createdAt).toISOString()],
      ]),
    );
  });
}
