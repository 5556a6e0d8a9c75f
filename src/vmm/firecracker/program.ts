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

/** Bytes that `architectureProblem` looks at. */
export const headerBytes = 20;

/** As the end of a sentence. Null for a program of this architecture, and for a script. */
export function architectureProblem(start: Uint8Array): string | null {
  const view = Buffer.from(start);
  if (view.subarray(0, 2).toString("latin1") === "#!") return null;
  if (view.length < headerBytes || view.readUInt32BE(0) !== 0x7f454c46) return "is not a program";
  const machine = view.readUInt16LE(18);
  if (machine === ours) return null;
  return `is a program for ${machines[machine] ?? `another machine (${machine})`}, and this machine is ${machines[ours]}`;
}
