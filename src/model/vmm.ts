/** Which VMM runs a VM. */

/** What a user can ask for; `auto`: the best one that can run the VM on this host. */
export const vmmChoices = ["auto", "firecracker", "qemu"] as const;
export type VmmChoice = (typeof vmmChoices)[number];

/** Decided when a VM is made: it keeps its driver, because its saves and its guest's devices are that driver's. */
export type VmmSpec = {
  /** the driver's name, as in records */
  driver: string;
  /** why this one, as a clause: `firecracker is not installed` */
  why: string;
};

/** `qemu (firecracker is not installed)` */
export function describeVmm({ driver, why }: VmmSpec): string {
  return `${driver} (${why})`;
}
