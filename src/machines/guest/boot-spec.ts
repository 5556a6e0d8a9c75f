/** The boot spec of one VM. Pure, so that every choice is a row of a test. */
import { rootOf } from "../../images/record.ts";
import { directFolders, type ImageRecord } from "../../model/artifact.ts";
import type { Paths } from "../../model/paths.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { BlockDevice, BootSpec, NetDevice } from "../../vmm/driver.ts";

export type BootFacts = {
  vm: Pick<VmRecord, "id" | "spec" | "ephemeral">;
  image: ImageRecord;
  initramfs: string;
  net: NetDevice | null;
};

/** How many disks a VM of that image boots with; null: not known, so 0. */
export function diskCount(image: Pick<ImageRecord, "layers" | "direct"> | null): number {
  return image === null ? 0 : image.layers.length + (image.direct ? 1 : 0) + ownDisks.length;
}

/** Beside those of its image. */
const ownDisks = ["modules", "data"];

export function bootSpec(paths: Paths, facts: BootFacts): BootSpec {
  const { vm, image } = facts;
  const files = paths.vm(vm.id);
  const kernel = paths.kernel(vm.spec.kernel.digest);
  return {
    id: vm.id,
    directory: files.directory,
    vcpu: vm.spec.vcpu,
    memoryMib: vm.spec.memoryMib,
    vmlinux: kernel.vmlinux,
    initramfs: facts.initramfs,
    kernelArgs: [...kernelArgs(image), ...networkArgs(facts.net)],
    blockDevices: [
      ...image.layers.map((layer, index) => readOnly(`layer${index}`, paths.layer(layer.digest))),
      ...(image.direct ? [readOnly("direct", paths.layer(image.direct.digest))] : []),
      readOnly("modules", kernel.modules),
      // an ephemeral VM's disk is never read after a crash of the host
      { name: "data", path: files.disk, readOnly: false, cache: vm.ephemeral ? "unsafe" : "writeback" },
    ],
    net: facts.net,
    ...(vm.spec.nested && { nested: true }),
  };
}

function kernelArgs(image: ImageRecord): string[] {
  const init = image.init === "none" ? "none" : "auto";
  const { mode, uid, gid } = rootOf(image.layers);
  return [
    `banger.layers=${image.layers.length}`,
    `banger.root=${mode.toString(8)},${uid},${gid}`,
    `banger.direct=${directFolders.join(",")}`,
    ...(image.direct ? ["banger.directs=1"] : []),
    `banger.init=${init}`,
  ];
}

/** Without a network device of the VMM's, the guest's agent makes one. */
function networkArgs(net: NetDevice | null): string[] {
  return net?.kind === "agent" ? ["banger.net=tap"] : [];
}

function readOnly(name: string, path: string): BlockDevice {
  return { name, path, readOnly: true };
}
