/** What of a VM's specification a restore must find again: its devices, not their paths. Pure. */
import type { BootSpec } from "./driver.ts";

/** One line of words, the same for a VM and its clones. */
export function shapeOf(spec: Pick<BootSpec, "vcpu" | "memoryMib" | "blockDevices" | "net">): string {
  const disks = spec.blockDevices.map((device) => `${device.serial}:${device.readOnly ? "ro" : "rw"}`);
  return [
    `vcpu=${spec.vcpu}`,
    `memory=${spec.memoryMib}`,
    `disks=${disks.join(",")}`,
    `net=${spec.net === null ? "no" : "yes"}`,
  ].join(" ");
}
