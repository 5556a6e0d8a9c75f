/** `banger template list`. */
import { formatAge, formatSize } from "../../../base/units.ts";
import type { CliContext } from "../../context.ts";
import { shortDigest } from "../../ui/artifacts.ts";
import { table } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, remark, running } from "../../work.ts";

const header = ["KEY", "IMAGE", "KERNEL", "CPU", "MEMORY", "NETWORK", "SIZE", "USES", "LAST USE"];

export async function list(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const all = await this.api.json("listTemplates");
    if (flags.json) return printJson(this, all);
    if (all.length === 0)
      return remark(this, flags, "no templates; the first VM of a kind makes one, or `banger template warm IMAGE`\n");
    const rows = all.map(({ key, facts, bytes, uses, lastUsedAt }) => {
      const { image, kernel, vcpu, memoryMib, network } = facts;
      const memory = formatSize(memoryMib * 1024 * 1024);
      const last = formatAge(this.now() - lastUsedAt);
      return [
        shortDigest(key),
        image.name,
        kernel.name,
        `${vcpu}`,
        memory,
        network,
        formatSize(bytes),
        `${uses}`,
        last,
      ];
    });
    print(this, table([header, ...rows]));
  });
}
