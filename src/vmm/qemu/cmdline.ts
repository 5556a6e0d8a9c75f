/** The kernel command line of a guest on QEMU microvm. Pure. */
import { kernelLine } from "../kernel-line.ts";
import type { Accel } from "./accel.ts";

export type KernelCmdline = {
  accel: Accel;
  /** the host's TSC frequency in `kHz`, null when unknown; only used under TCG, where the guest's TSC is the host's */
  tscKhz: number | null;
  /** arguments for the agent (`banger.…=`), last on the line */
  args: readonly string[];
};

/** @throws RangeError as `kernelLine` */
export function kernelCmdline(facts: KernelCmdline): string {
  return kernelLine([...base, ...(facts.accel === "tcg" ? emulated(facts.tscKhz) : []), ...facts.args]);
}

const base = [
  "console=ttyS0",
  // errors and panics still reach the serial console; each line costs a UART exit per byte
  "quiet",
  // triple fault: with -no-reboot QEMU ends at once, without trying ACPI and the keyboard controller first
  "reboot=t",
  "panic=-1",
  // with AppArmor on, docker in the guest fails when the image has no AppArmor parser
  "apparmor=0",
  // microvm has no PCI: probing for it only prints an alarming message
  "pci=off",
  "random.trust_cpu=on",
  // there is one UART
  "8250.nr_uarts=1",
  // saves 0.3 s of self-tests under TCG
  "cryptomgr.notests",
  // gives false alarms on a loaded host
  "nowatchdog",
];

/**
 * Without the frequency a cold boot under TCG sometimes hangs while it calibrates timers. Every vcpu reads the host's TSC, so no
 * cross-check is needed. An emulated CPU does not speculate, so mitigations only cost time. TCG translates a program again when
 * it is loaded at another address: with `norandmaps` a short command takes a third of the time.
 */
function emulated(tscKhz: number | null): string[] {
  const timer = tscKhz === null ? [] : [`tsc_early_khz=${tscKhz}`, "tsc=reliable"];
  return [...timer, "no_timer_check", "mitigations=off", "norandmaps"];
}
