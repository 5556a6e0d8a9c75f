/** `banger kernel list`. */
import { formatAge, formatSize } from "../../../base/units.ts";
import type { CliContext } from "../../context.ts";
import { damaged, warnOfDamage } from "../../ui/artifacts.ts";
import { table } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, remark, running } from "../../work.ts";

const header = ["NAME", "RELEASE", "SIZE", "AGE", "SOURCE"];

export async function list(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const kernels = await this.api.json("listKernels");
    if (flags.json) return printJson(this, kernels);
    if (kernels.length === 0) return remark(this, flags, "no kernels; `banger vm run` fetches one\n");
    const rows = kernels.map(({ name, release, bytes, createdAt, source, problem }) => {
      const age = formatAge(this.now() - createdAt);
      return [name, release, problem ? damaged : formatSize(bytes), age, source];
    });
    print(this, table([header, ...rows]));
    warnOfDamage(this, flags, kernels);
  });
}
