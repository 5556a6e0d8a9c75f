/** The kernel command line of a guest on Firecracker. Pure. */
import { kernelLine, maxCmdline } from "../kernel-line.ts";

const base = [
  "console=ttyS0",
  // errors and panics still reach the serial console; each line costs an exit of the VM per byte
  "quiet",
  // a reset by the keyboard controller is the one way in which a guest can end its Firecracker
  "reboot=k",
  "panic=-1",
  // with AppArmor on, docker in the guest fails when the image has no AppArmor parser
  "apparmor=0",
  "random.trust_cpu=on",
  // there is one UART
  "8250.nr_uarts=1",
  "cryptomgr.notests",
  // gives false alarms on a loaded host
  "nowatchdog",
];

/** Bytes of `virtio_mmio.device=4K@0xc0001000:6`, which Firecracker appends for each device. */
const bytesForDevice = 40;
/** `pci=off`, and devices that are no disks */
const ownBytes = 8 + 3 * bytesForDevice;

/**
 * @param args arguments for the agent (`banger.…=`), last on the line
 * @throws RangeError as `kernelLine`
 */
export function kernelCmdline(args: readonly string[], disks: number): string {
  return kernelLine([...base, ...args], maxCmdline - ownBytes - disks * bytesForDevice);
}
