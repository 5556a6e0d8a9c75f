/**
 * What a template depends on, and the key that stands for all of it: not the version of banger, so that templates survive an
 * update that changes none of it. Pure.
 */
import { createHash } from "node:crypto";
import type { Digest } from "../../base/names.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import type { TemplateFacts } from "../../model/save.ts";
import type { VmSpec } from "../../model/vm.ts";
import type { BootSpec, NetDevice } from "../../vmm/driver.ts";

/** Counts changes of what banger does while it makes one, the driver's kernel line included. */
const generation = 6;

/** VMs with larger disks begin from a template with this one, in bytes: it grows after the restore. */
const templateDisk = 8 * 1024 ** 3;

export type KeyParts = {
  image: Pick<ImageRecord, "digest" | "init">;
  kernel: Digest;
  /** file name of the initramfs, which is made of its content: kernel modules and agent */
  initramfs: string;
  vmm: { driver: string; version: string; accel: string; cpu: string };
  spec: VmSpec;
  /** as the VM itself will have them; their paths don't count */
  devices: Pick<BootSpec, "blockDevices" | "kernelArgs">;
  network: NetDevice["kind"] | "none";
};

function templateDiskBytes(spec: Pick<VmSpec, "diskBytes">): number {
  return Math.min(spec.diskBytes, templateDisk);
}

export function templateKey(parts: KeyParts): Digest {
  const { image, kernel, initramfs, vmm, spec, devices, network } = parts;
  const content = JSON.stringify([
    generation,
    [image.digest, image.init, kernel, initramfs],
    [vmm.driver, vmm.version, vmm.accel, vmm.accel === "kvm" ? vmm.cpu : ""],
    [spec.vcpu, spec.memoryMib, templateDiskBytes(spec), spec.nested === true],
    devices.blockDevices.map(({ name, readOnly }) => [name, readOnly]),
    devices.kernelArgs,
    network,
  ]);
  return `sha256:${createHash("sha256").update(content).digest("hex")}` as Digest;
}

type FactParts = { vmm: Omit<KeyParts["vmm"], "cpu">; spec: VmSpec };

export function templateFacts({ vmm, spec }: FactParts): TemplateFacts {
  const { image, kernel, vcpu, memoryMib, network, nested } = spec;
  const diskBytes = templateDiskBytes(spec);
  return {
    image,
    kernel,
    vcpu,
    memoryMib,
    diskBytes,
    network: network.kind,
    ...(nested && { nested }),
    vmm: `${vmm.driver} ${vmm.version} ${vmm.accel}`,
  };
}

/** Templates of one place follow each other: a new one is there because the older can't be used any more. */
export function isSuccessor(later: TemplateFacts, earlier: TemplateFacts): boolean {
  const place = ({ image, kernel, vcpu, memoryMib, diskBytes, network, nested, vmm }: TemplateFacts) => {
    const [driver] = vmm.split(" ");
    return JSON.stringify([image.name, kernel.name, vcpu, memoryMib, diskBytes, network, nested === true, driver]);
  };
  return place(later) === place(earlier);
}

/** What tells a template from the others in few characters. */
export function shortKey(key: Digest): string {
  return key.slice("sha256:".length, "sha256:".length + 12);
}
