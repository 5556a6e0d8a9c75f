/** `banger kernel show`. */
import { formatSize } from "../../../base/units.ts";
import type { CliContext } from "../../context.ts";
import { reportDamage, stateRow } from "../../ui/artifacts.ts";
import { pairs } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";

export async function show(this: CliContext, flags: JsonFlag & { verify?: boolean }, name: string): Promise<void> {
  await running(this, flags, async () => {
    const kernel = await this.api.json("showKernel", { name, query: flags.verify ? { verify: "1" } : {} });
    const verified = flags.verify ?? false;
    if (flags.json) {
      printJson(this, kernel);
      return reportDamage(this, flags, kernel, verified);
    }
    print(
      this,
      pairs([
        ["name", kernel.name],
        ["digest", kernel.digest],
        ["release", kernel.release],
        ["size", formatSize(kernel.bytes)],
        ["source", kernel.source],
        ["created", new Date(kernel.createdAt).toISOString()],
        stateRow(kernel, verified),
      ]),
    );
    return reportDamage(this, flags, kernel, verified);
  });
}
