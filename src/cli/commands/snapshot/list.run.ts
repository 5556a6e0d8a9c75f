/** `banger snapshot list`. */
import { formatAge, formatSize } from "../../../base/units.ts";
import type { CliContext } from "../../context.ts";
import { table } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, remark, running } from "../../work.ts";

const header = ["VM", "NAME", "SIZE", "AGE", "HOLDS"];

export async function list(this: CliContext, flags: JsonFlag, vm?: string): Promise<void> {
  await running(this, flags, async () => {
    const all = await (vm === undefined
      ? this.api.json("listSnapshots")
      : this.api.json("snapshotsOfVm", { name: vm }));
    if (flags.json) return printJson(this, all);
    if (all.length === 0) return remark(this, flags, "no snapshots; take one with `banger vm snapshot VM`\n");
    const rows = all.map(({ vmName, name, bytes, createdAt, save }) => {
      const holds = save ? "memory and disk" : "disk";
      return [vmName, name, formatSize(bytes), formatAge(this.now() - createdAt), holds];
    });
    print(this, table([header, ...rows]));
  });
}
