/** `banger vm rename`. */
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";

export async function rename(this: CliContext, flags: JsonFlag, name: string, to: string): Promise<void> {
  await running(this, flags, async () => {
    const vm = await this.api.json("renameVm", { name, body: { name: to } });
    if (flags.json) printJson(this, vm);
    else print(this, `${vm.name}\n`);
  });
}
