/** A control group for each VM, in the folder that systemd has delegated to the daemon. */
import type { CgroupFolder } from "../host/process/cgroup-folder.ts";
import { vmIdAt } from "../model/paths.ts";
import { cgroupLimits } from "./cgroup-limits.ts";
import type { BootSpec } from "./driver.ts";

type Limited = Pick<BootSpec, "id" | "vcpu" | "memoryMib">;

export type VmCgroups = {
  /** Makes the VM's group, with its limits, also if it is there. @returns its folder, for `confine --cgroup` */
  ensure(vm: Limited): Promise<string>;
  /** Removes the group of a VM that has ended. @param directory the VM's folder, whose name is its id */
  remove(directory: string): Promise<void>;
  /** For a daemon that has started: sets the limits of VMs that run, which went with the last daemon, and removes the groups of all others. */
  renew(running: readonly Limited[]): Promise<void>;
};

const prefix = "vm-";

export function vmCgroups(groups: CgroupFolder): VmCgroups {
  const nameOf = (id: string) => `${prefix}${id}`;
  const ensure = (vm: Limited) => groups.ensure(nameOf(vm.id), cgroupLimits(vm));
  return {
    ensure,
    remove: (directory) => groups.remove(nameOf(vmIdAt(directory))),
    async renew(running) {
      const wanted = new Set(running.map(({ id }) => nameOf(id)));
      const present = (await groups.list()).filter((name) => name.startsWith(prefix));
      for (const name of present) if (!wanted.has(name)) await groups.remove(name);
      for (const vm of running) if (present.includes(nameOf(vm.id))) await ensure(vm);
    },
  };
}
