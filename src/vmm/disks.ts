/**
 * How a guest's agent finds its disks: a driver puts each one's device name and size on the kernel's command line, because not
 * every VMM can give a disk a serial.
 */
import type { BlockDevice } from "./driver.ts";

/** The device name that the guest's kernel gives the disk at `index` of `BootSpec.blockDevices`. */
export type DiskNaming = (index: number) => string;

const letters = "abcdefghijklmnopqrstuvwxyz";

/**
 * For VMMs whose disks are all virtio-blk and found in the order in which they were added: `vda`, `vdb`, … (Linux's `virtblk_name_format`).
 * @throws RangeError for more disks than there are letters, which no VMM has room for
 */
export function virtioDiskName(index: number): string {
  const letter = letters[index];
  if (letter === undefined) throw new RangeError(`disk ${index} of a VM`);
  return `vd${letter}`;
}

/**
 * The kernel argument for the agent, `banger.disks=NAME:DEVICE:BYTES,…`. The sizes let the agent notice disks in another order than
 * was expected before it mounts them, unless two of them have the same size.
 * @param sizes of the disks' files, in bytes and in the order of `devices`
 */
export function diskArgument(
  devices: readonly BlockDevice[],
  sizes: readonly number[],
  deviceName: DiskNaming,
): string {
  const disks = devices.map(({ name }, index) => `${name}:${deviceName(index)}:${sizes[index]}`);
  return `banger.disks=${disks.join(",")}`;
}
