/** The limits of one VM's control group: the kernel's admin-guide/cgroup-v2.rst. Pure. */
import { mib } from "./cage.ts";
import type { BootSpec } from "./driver.ts";

/** Files of the group's folder, with what is written to each. */
export type CgroupLimits = Readonly<Record<string, string>>;

/** What any VMM needs besides its guest's memory, in bytes: QEMU's translated code has up to 1 GiB. */
const ownMemory = 1536 * mib;
/** besides one for each virtual CPU: QEMU's pool for disks has 64 */
const ownThreads = 128;
/** of CPU time, in `µs`: the kernel's default */
const period = 100_000;

/**
 * The cage limits the address space and the threads of a VMM. Its control group limits the memory that it uses, with the page cache (which is
 * given back first), and its CPU time: that of the virtual CPUs, and of one CPU more for its devices.
 */
export function cgroupLimits({ vcpu, memoryMib }: Pick<BootSpec, "vcpu" | "memoryMib">): CgroupLimits {
  return {
    "memory.max": String(memoryMib * mib + ownMemory),
    // a VMM without one of its threads is of no use
    "memory.oom.group": "1",
    "pids.max": String(vcpu + ownThreads),
    "cpu.max": `${(vcpu + 1) * period} ${period}`,
  };
}
