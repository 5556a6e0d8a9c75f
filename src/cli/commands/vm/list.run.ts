/** `banger vm list`. */
import { formatAge, formatSize } from "../../../base/units.ts";
import { addressOnHost, type VmView } from "../../../model/vm.ts";
import type { CliContext } from "../../context.ts";
import { stateText } from "../../ui/state.ts";
import { table } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, remark, running } from "../../work.ts";

const header = ["NAME", "STATE", "IMAGE", "CPU", "MEMORY", "DISK", "AGE", "ADDRESS"];

export async function list(this: CliContext, flags: JsonFlag & { all?: boolean }): Promise<void> {
  await running(this, flags, async () => {
    const vms = await this.api.json("listVms");
    if (flags.json) return printJson(this, vms);
    if (vms.length === 0) return remark(this, flags, "no VMs; make one with `banger vm run`\n");
    print(this, table([header, ...vms.map((vm) => rowOf(vm, this.now()))]));
  });
}

function rowOf(vm: VmView, now: number): string[] {
  const { vcpu, memoryMib, diskBytes, image } = vm.spec;
  const memory = formatSize(memoryMib * 1024 * 1024);
  const disk = `${formatSize(vm.diskUsed)}/${formatSize(diskBytes)}`;
  return [
    vm.name,
    stateText(vm),
    image.name,
    String(vcpu),
    memory,
    disk,
    formatAge(now - vm.createdAt),
    addressOnHost(vm) ?? "-",
  ];
}
