/** `banger vm ports`. */
import { type PortView, placeOfPort } from "../../../model/ports.ts";
import type { CliContext } from "../../context.ts";
import { table } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, remark, running } from "../../work.ts";

const header = ["PORT", "REACHED AT", "STATE", "KIND"];

export async function ports(this: CliContext, flags: JsonFlag, name: string): Promise<void> {
  await running(this, flags, async () => {
    const all = await this.api.json("portsVm", { name });
    if (flags.json) return printJson(this, all);
    if (all.length === 0) return remark(this, flags, `nothing listens in "${name}", or it does not run\n`);
    print(this, table([header, ...all.map(rowOf)]));
    for (const { problem } of all) if (problem !== null) remark(this, flags, `${problem}\n`);
  });
}

function rowOf(port: PortView): string[] {
  const kind = port.kind === "automatic" && port.isService ? "service" : port.kind;
  const place = port.state === "open" ? placeOfPort(port) : `${port.address}:${port.hostPort}`;
  return [String(port.guestPort), place, port.state, kind];
}
