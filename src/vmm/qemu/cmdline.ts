/** The kernel command line of a guest on QEMU microvm. Pure. */
import type { Accel } from "./accel.ts";

export type KernelCmdline = {
  accel: Accel;
  /** the host's TSC frequency in `kHz`; null when unknown. Used under TCG only, where the guest's TSC is the host's */
  tscKhz: number | null;
  /** arguments for the agent (`banger.…=`), last on the line */
  args: readonly string[];
};

/** Bytes. An x86 kernel truncates longer lines without an error (COMMAND_LINE_SIZE). */
export const maxCmdline = 2048;

/** @throws RangeError for an argument that would break the line: banger itself makes them, so that is a bug */
export function kernelCmdline(facts: KernelCmdline): string {
  const line = [...base, ...(facts.accel === "tcg" ? emulated(facts.tscKhz) : []), ...facts.args.map(checkedArg)].join(
    " ",
  );
  if (line.length >= maxCmdline) throw new RangeError(`kernel command line of ${line.length} bytes`);
  return line;
}

const base = [
  "console=ttyS0",
  // errors and panics still reach the serial console; each line costs a UART exit per byte
  "quiet",
  // triple fault: with -no-reboot QEMU ends at once, where the ACPI and keyboard ways would be tried first
  "reboot=t",
  "panic=-1",
  // docker in the guest fails when AppArmor is on and its parser is not in the image
  "apparmor=0",
  // microvm has no PCI: looking for it only prints an alarming line
  "pci=off",
  "random.trust_cpu=on",
  // one UART exists
  "8250.nr_uarts=1",
  // under TCG 0.3 s of self-tests
  "cryptomgr.notests",
  // a loaded host would make it cry wolf
  "nowatchdog",
];

/**
 * Without the frequency a cold boot under TCG hangs now and then while it calibrates timers. The TSC is the host's on each
 * vcpu, so nothing need be compared; and an emulated CPU does not speculate, so the kernel's work-arounds only cost time.
 * A program at another address each time is translated anew each time: with `norandmaps` a short command takes a third.
 */
function emulated(tscKhz: number | null): string[] {
  const timer = tscKhz === null ? [] : [`tsc_early_khz=${tscKhz}`, "tsc=reliable"];
  return [...timer, "no_timer_check", "mitigations=off", "norandmaps"];
}

function checkedArg(arg: string): string {
  if (!/^[\x21-\x7e]+$/.test(arg) || arg.includes('"')) throw new RangeError(`kernel argument ${JSON.stringify(arg)}`);
  return arg;
}
