import { expect, test } from "bun:test";
import { cpuName, featuresOf, kvmCpu, missingFeatures } from "./cpu.ts";

/** `struct kvm_cpuid_entry2` (linux/kvm.h) */
function entry(leaf: number, index: number, words: [eax: number, ebx: number, ecx: number, edx: number]): Uint8Array {
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  for (const [at, word] of [leaf, index, 1, ...words].entries()) view.setUint32(4 * at, word >>> 0, true);
  return bytes;
}

test("features are read from their leaves; what depends on the CPU that was asked is left out", () => {
  // family and APIC id in leaf 1, the APIC id in leaf 0xb; bit 27 of ECX is what the host has turned on
  const here = featuresOf(
    Buffer.concat([
      entry(0x1, 0, [0xa10f11, 0x03000800, 0x8fa3203, 0x178bfbff]),
      entry(0x7, 0, [1, 0x209c01a9, 0x40, 0x80000000]),
      entry(0xb, 0, [1, 2, 3, 4]),
      entry(0x7, 1, [0x10, 0, 0, 0]),
      entry(0x80000001, 0, [0, 0, 0x4, 0x2c100800]),
    ]),
  );
  expect(here).toEqual({
    "1.0.ecx": "fa3203",
    "1.0.edx": "178bfbff",
    "7.0.ebx": "209c01a9",
    "7.0.ecx": "40",
    "7.0.edx": "80000000",
    "7.1.eax": "10",
    "7.1.ebx": "0",
    "7.1.ecx": "0",
    "7.1.edx": "0",
    "80000001.0.ecx": "4",
    "80000001.0.edx": "2c100800",
  });
  expect(featuresOf(new Uint8Array(39))).toEqual({});
});

test("missing features are those that were there", () => {
  expect(missingFeatures({ a: "f0000001", b: "1", c: "2" }, { a: "70000003", c: "6" })).toEqual({
    a: "80000000",
    b: "1",
  });
  expect(missingFeatures({}, { a: "1" })).toEqual({});
});

test("a CPU's name identifies model and stepping", () => {
  const cpuinfo = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\nstepping\t: 1\n";
  expect(cpuName(cpuinfo)).toBe("AMD EPYC (25/17/1)");
  expect(cpuName("")).toBe("? (?/?/?)");
});

test("this host's CPU has the same features each time", async () => {
  const once = await kvmCpu();
  expect(once.name).toMatch(/\(.+\/.+\/.+\)$/);
  for (let again = 0; again < 20; again++) expect((await kvmCpu()).features).toEqual(once.features);
});
