/** Whether a file can be a Firecracker for this machine, from its first bytes. Pure. */

/** e_machine of elf(5) */
const machines: Record<number, string> = {
  3: "32-bit x86",
  40: "32-bit ARM",
  62: "x86-64",
  183: "aarch64",
  243: "RISC-V",
};
const ours = 62;

const elfHeader = 20;
/** Bytes of a program's start that are looked at. */
export const startBytes = 4096;

/** As the end of a sentence. Null for a program of this architecture, and for a script. */
export function architectureProblem(start: Uint8Array): string | null {
  const view = Buffer.from(start);
  if (view.subarray(0, 2).toString("latin1") === "#!") return null;
  if (view.length < elfHeader || view.readUInt32BE(0) !== 0x7f454c46) return "is not a program";
  const machine = view.readUInt16LE(18);
  if (machine === ours) return null;
  return `is a program for ${machines[machine] ?? `another machine (${machine})`}, and this machine is ${machines[ours]}`;
}

/** glibc's note about its kernel interface (NT_GNU_ABI_TAG, elf(5)), near the start of each program linked with it. */
const glibcNote = Buffer.from("\x04\0\0\0\x10\0\0\0\x01\0\0\0GNU\0", "latin1");

/**
 * Whether a program signals its threads in a way that a filter can confine to itself: glibc's tgkill(2) names the process, musl's
 * tkill(2), which the released Firecracker uses, does not. A script is taken for one that does.
 */
export function signalsOnlyItself(start: Uint8Array): boolean {
  const view = Buffer.from(start);
  return view.subarray(0, 2).toString("latin1") === "#!" || view.includes(glibcNote);
}
