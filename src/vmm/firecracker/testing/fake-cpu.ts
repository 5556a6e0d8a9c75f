/** What Firecracker refuses of `PUT /cpu-config`: at once what is no template, and at the start leaves that KVM does not have. Pure. */

type Modifier = { leaf: string; subleaf: string; flags: number; modifiers: { register: string; bitmap: string }[] };

const registers = ["eax", "ebx", "ecx", "edx"];

/** @param malformed makes the error for a body that can't be read */
export function checkCpuConfig(fields: Record<string, unknown>, malformed: (problem: string) => Error): void {
  for (const { leaf, subleaf, flags, modifiers } of (fields["cpuid_modifiers"] ?? []) as Modifier[]) {
    for (const number of [leaf, subleaf])
      if (!/^0(?:x[\da-f]{1,8}|b[01]{1,32})$/i.test(number))
        throw malformed(
          `No supported number system prefix found in value [${number}]. Make sure to prefix the number with '0x' for hexadecimal numbers or '0b' for binary numbers.`,
        );
    if (typeof flags !== "number") throw malformed("missing field `flags`");
    for (const { register, bitmap } of modifiers) checkBits(register, bitmap, malformed);
  }
}

function checkBits(register: string, bitmap: string, malformed: (problem: string) => Error): void {
  if (!registers.includes(register)) throw malformed("Invalid CPUID register. Must be one of [eax, ebx, ecx, edx]");
  const digits = bitmap.replace(/^0b/, "").replaceAll("_", "");
  const unknown = /[^01x]/.exec(digits)?.[0];
  if (unknown) throw malformed(`Failed to parse string [${bitmap}] as a bitmap - unknown character: ${unknown}`);
  if (digits.length > 32) throw malformed(`Failed to parse string [${bitmap}] as a bitmap - string is too long`);
}

/** Whether a template clears that bit. */
function isCleared(fields: Record<string, unknown>, leaf: number, register: string, bit: number): boolean {
  const ofLeaf = ((fields["cpuid_modifiers"] ?? []) as Modifier[]).filter((modifier) => Number(modifier.leaf) === leaf);
  const bitmaps = ofLeaf.flatMap(({ modifiers }) => modifiers.filter((each) => each.register === register));
  return bitmaps.some(({ bitmap }) => bitmap.replace(/^0b|_/g, "").at(-1 - bit) === "0");
}

const flags: [name: string, leaf: number, register: string, bit: number][] = [
  ["vmx", 0x1, "ecx", 5],
  ["svm", 0x80000001, "ecx", 2],
  ["perfctr_core", 0x80000001, "ecx", 23],
  ["npt", 0x8000000a, "edx", 0],
];

/** The `flags` of the guest's /proc/cpuinfo. @param leaves of a host that has everything in them */
export function guestFlags(fields: Record<string, unknown>, leaves: readonly number[]): string {
  const seen = flags.filter(([, leaf, ...bit]) => leaves.includes(leaf) && !isCleared(fields, leaf, ...bit));
  return ["fpu", ...seen.map(([name]) => name)].join(" ");
}

/** @param leaves that KVM has, each with subleaf 0. @throws Error as the start of a VM does */
export function requireLeaves(fields: Record<string, unknown>, leaves: readonly number[]): void {
  for (const { leaf, subleaf } of (fields["cpuid_modifiers"] ?? []) as Modifier[]) {
    if (leaves.includes(Number(leaf)) && Number(subleaf) === 0) continue;
    const [one, other] = [leaf, subleaf].map((number) => Number(number).toString(16));
    const why = `Template changes a CPUID entry not supported by KVM: Leaf: ${one}, Subleaf: ${other}`;
    throw new Error(`Start microvm error: System configuration error: Failed to create guest config: ${why}`);
  }
}
