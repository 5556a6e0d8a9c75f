/** `banger kernel show`. */
import { formatSize } from "../../../base/units.ts";
import type { CliContext } from "../../context.ts";
import { pairs } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";

export async function show(this: CliContext, flags: JsonFlag, name: string): Promise<void> {
  await running(this, flags, async () => {
    const kernel = await this.api.json("showKernel", { name });
    if (flags.json) return printJson(this, kernel);
    print(
      this,
      pairs([
        ["name", kernel.name],
        ["digest", kernel.digest],
        ["release", kernel.release],
        ["size", formatSize(kernel.bytes)],
        ["source", kernel.source],
        ["created", new Date(kernel.createdAt).toISOString()],
      ]),
    );
  });
}
