/** `banger snapshot show`. */
import { formatAge, formatSize } from "../../../base/units.ts";
import type { CliContext } from "../../context.ts";
import { pairs } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";
import { findSnapshot } from "./find.ts";

export async function show(this: CliContext, flags: JsonFlag, vm: string, name: string): Promise<void> {
  await running(this, flags, async () => {
    const found = await findSnapshot(this, vm, name);
    if (flags.json) return printJson(this, found);
    const { save, bytes, createdAt, vmName } = found;
    print(
      this,
      pairs([
        ["name", found.name],
        ["vm", vmName],
        ["holds", save ? `memory (${formatSize(save.memoryBytes)}) and disk` : "the disk of the stopped VM"],
        ...(save ? [["saved by", `${save.driver} ${save.version}`] as const] : []),
        ["size", formatSize(bytes)],
        ["created", `${new Date(createdAt).toISOString()} (${formatAge(this.now() - createdAt)} ago)`],
      ]),
    );
  });
}
