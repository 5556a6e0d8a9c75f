/** The part of a VM's specification that must be the same for a restore: its devices, not their paths. Pure. */
import type { BootSpec, NetDevice } from "./driver.ts";

/** One line of text, the same for a VM and its clones. */
export function shapeOf(spec: Pick<BootSpec, "vcpu" | "memoryMib" | "blockDevices" | "net">): string {
  const disks = spec.blockDevices.map((device) => `${device.name}:${device.readOnly ? "ro" : "rw"}`);
  return [
    `vcpu=${spec.vcpu}`,
    `memory=${spec.memoryMib}`,
    `disks=${disks.join(",")}`,
    // the state of a VMM's own network is part of the save
    `net=${spec.net === null ? "none" : spec.net.kind}`,
    // one of the features that guest and device have negotiated (virtio 1.2, 5.1.3)
    ...(spec.net === null ? [] : ["guest-announce=off"]),
  ].join(" ");
}

const kinds: readonly string[] = ["stream", "builtin", "agent", "tap"] satisfies NetDevice["kind"][];

/** The network device that a shape names; null: none. */
export function networkOfShape(shape: string): NetDevice["kind"] | null {
  const kind = /(?:^| )net=(\S+)/.exec(shape)?.[1] ?? "none";
  return kinds.includes(kind) ? (kind as NetDevice["kind"]) : null;
}
