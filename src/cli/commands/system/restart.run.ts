/** `banger system restart`. */
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";

export async function restart(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const { restart: carryOut } = await import("../../../system/restart.ts");
    const units = await carryOut(await this.systemWorld());
    if (flags.json) return printJson(this, units);
    for (const { name, active, pid } of units) print(this, `${name} is ${active} (pid ${pid})\n`);
  });
}
