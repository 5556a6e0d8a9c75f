/** `banger system status`. Exits with 1 when something is wrong. */
import { Exit } from "../../../base/exit.ts";
import type { SystemStatus } from "../../../system/status.ts";
import type { CliContext } from "../../context.ts";
import { pairs } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";

export async function status(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const { systemStatus } = await import("../../../system/status.ts");
    const found = await systemStatus(await this.systemWorld());
    if (flags.json) printJson(this, found);
    else print(this, textOf(found));
    return found.problems.length === 0 ? Exit.Ok : Exit.Failure;
  });
}

function textOf({ owner, version, answers, bridge, units, programs, sockets, problems }: SystemStatus): string {
  const rows: [string, string][] = [
    ["owner", `${owner.name} (uid ${owner.uid})`],
    ["installed", version],
    ["answers", answers],
    ["bridge", bridge],
    ...units.map(({ name, active, pid, enabled }): [string, string] => [
      name,
      `${active}${pid > 0 ? ` (pid ${pid})` : ""}, ${enabled}`,
    ]),
    ...Object.entries(programs),
    ...sockets.map(({ path, state }): [string, string] => [path, state]),
  ];
  return `${pairs(rows)}${problems.map((problem) => `problem: ${problem}\n`).join("")}`;
}
