/** `banger template show`. */
import { formatAge, formatSize } from "../../../base/units.ts";
import type { CliContext } from "../../context.ts";
import { shortDigest } from "../../ui/artifacts.ts";
import { pairs } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";

export async function show(this: CliContext, flags: JsonFlag, key: string): Promise<void> {
  await running(this, flags, async () => {
    const found = await this.api.json("showTemplate", { name: key });
    if (flags.json) return printJson(this, found);
    const { facts, save, bytes, createdAt, lastUsedAt, uses } = found;
    const { image, kernel, vcpu, memoryMib, diskBytes, network, nested, vmm } = facts;
    const ago = (time: number) => `${new Date(time).toISOString()} (${formatAge(this.now() - time)} ago)`;
    print(
      this,
      pairs([
        ["key", found.key],
        ["image", `${image.name} (${shortDigest(image.digest)})`],
        ["kernel", kernel.name],
        ["size", `${vcpu} vcpu, ${formatSize(memoryMib * 1024 * 1024)} memory, ${formatSize(diskBytes)} disk`],
        ["network", network],
        ...(nested ? [["nested VMs", "its VMs can run VMs of their own"] as [string, string]] : []),
        ["saved by", vmm],
        ["on disk", `${formatSize(bytes)} (memory ${formatSize(save.memoryBytes)}, sparse)`],
        ["uses", String(uses)],
        ["created", ago(createdAt)],
        ["last use", ago(lastUsedAt)],
      ]),
    );
  });
}
