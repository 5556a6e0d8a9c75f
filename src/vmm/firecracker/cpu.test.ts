import { expect, test } from "bun:test";
import { hiddenBits } from "./cpu.ts";

test("VMX is hidden on Intel, SVM with its details and the counters on AMD, and nothing that the CPU does not have", () => {
  expect(hiddenBits({ "1.0.ecx": "f7fa3223", "7.0.ebx": "ff", "80000001.0.ecx": "121" })).toEqual([
    { leaf: 0x1, register: "ecx", bits: 0x20 },
  ]);
  expect(
    hiddenBits({
      "1.0.ecx": "f7fa3203",
      "80000001.0.ecx": "c00005",
      "8000000a.0.edx": "8000000f",
      "80000022.0.eax": "1",
    }),
  ).toEqual([
    { leaf: 0x80000001, register: "ecx", bits: 0x800004 },
    { leaf: 0x8000000a, register: "edx", bits: 0x8000000f },
    { leaf: 0x80000022, register: "eax", bits: 0x1 },
  ]);
  // KVM with nested=0 has the leaf, and nothing in it
  expect(hiddenBits({ "1.0.ecx": "1", "80000001.0.ecx": "1", "8000000a.0.edx": "0" })).toEqual([]);
});
