import { expect, test } from "bun:test";
import type { SaveRecord } from "./driver.ts";
import { checkHost, type HostFacts } from "./host-facts.ts";

const record = { driver: "qemu", version: "7.2.22", accel: "tcg" } as SaveRecord;

const rows: [string, HostFacts, HostFacts, string | null][] = [
  ["the same clock", { tscKhz: 2_600_000 }, { tscKhz: 2_600_000 }, null],
  ["a second measurement of one clock", { tscKhz: 2_600_000 }, { tscKhz: 2_600_900 }, null],
  ["another host's clock", { tscKhz: 2_600_000 }, { tscKhz: 2_450_000 }, "a host of 2450 MHz"],
  ["a clock that can't be measured any more", { tscKhz: 2_600_000 }, { tscKhz: null }, null],
  ["the same CPU", { cpu: "EPYC (25/17/1)" }, { cpu: "EPYC (25/17/1)" }, null],
  ["another CPU", { cpu: "EPYC (25/17/1)" }, { cpu: "EPYC (26/2/0)" }, "on EPYC (26/2/0)"],
];
test.each(rows)("%s", (_, saved, here, refusal) => {
  const check = () => checkHost({ ...record, ...saved }, here);
  if (refusal === null) check();
  else expect(check).toThrow(refusal);
});

const cpu = "EPYC (25/17/1)";
const features = { "1.0.ecx": "f7fa3203", "7.0.ebx": "209c01a9" };
const whole: HostFacts = { cpu, cpuFeatures: features, cpuFlags: "fpu avx2 bmi2 smap" };

test("a CPU that has lost features is refused with their names, and the way out is a cold start", () => {
  const here = { cpu, cpuFeatures: { ...features, "7.0.ebx": "9c0189" }, cpuFlags: "fpu smap" };
  expect(() => checkHost({ ...record, accel: "kvm", ...whole }, here)).toThrow(
    expect.objectContaining({
      code: "SAVE_VERSION",
      message:
        "the VM was saved by qemu 7.2.22 (kvm) on EPYC (25/17/1) with avx2 bmi2; qemu 7.2.22 (kvm) on the same CPU without avx2 bmi2 (kernel, microcode or boot parameters) can't restore it",
      hint: expect.stringContaining("--cold"),
    }),
  );
});

test("a feature without a name is refused with its bit, and one that is all gone", () => {
  const refused = (cpuFeatures: HostFacts["cpuFeatures"]) => () =>
    checkHost({ ...record, ...whole }, { ...whole, cpuFeatures: cpuFeatures ?? null });
  expect(refused({ ...features, "1.0.ecx": "77fa3203" })).toThrow("with CPUID 1.0.ecx 80000000");
  expect(refused({ "1.0.ecx": "f7fa3203" })).toThrow("with CPUID 7.0.ebx 209c01a9");
});

test.each([
  [
    "more features than before",
    whole,
    { ...whole, cpuFeatures: { ...features, "7.0.ebx": "ffffffff", "7.1.eax": "1" } },
  ],
  ["other flags of the kernel's own", whole, { ...whole, cpuFlags: "fpu avx2" }],
  ["a record of an earlier version", { cpu }, whole],
] as [string, HostFacts, HostFacts][])("%s: restored", (_, saved, here) => {
  checkHost({ ...record, ...saved }, here);
});

test("a host that lost nested virtualisation is refused only to guests that had it", () => {
  const had: HostFacts = { cpu, cpuFeatures: { "1.0.ecx": "21", "80000001.0.ecx": "7", "8000000a.0.edx": "1f" } };
  const here: HostFacts = { cpu, cpuFeatures: { "1.0.ecx": "1", "80000001.0.ecx": "3", "8000000a.0.edx": "0" } };
  checkHost({ ...record, ...had, guestCpu: "basic" }, here);
  for (const guestCpu of ["nested", undefined])
    expect(() => checkHost({ ...record, ...had, guestCpu }, here)).toThrow(
      "with CPUID 1.0.ecx 20, 80000001.0.ecx 4, 8000000a.0.edx 1f",
    );
});
