import { expect, test } from "bun:test";
import type { SaveRecord } from "../driver.ts";
import { cpuArgument, cpuOfSave, type GuestCpu } from "./cpu.ts";

const record = { driver: "qemu", version: "7.2.22", accel: "kvm" } as SaveRecord;

test("a guest has neither nested virtualisation nor counters, unless its user asked for the former", () => {
  expect(cpuArgument("kvm", "basic")).toBe("host,migratable=on,pmu=off,perfctr-core=off,vmx=off,svm=off");
  expect(cpuArgument("kvm", "nested")).toBe("host,migratable=on,pmu=off,perfctr-core=off");
  expect(cpuArgument("tcg", "basic")).toBe("max,la57=off,erms=off,fsrm=off,svm=off");
  expect(cpuArgument("tcg", "nested")).toBe("max,la57=off,erms=off,fsrm=off");
});

test.each(["basic", "nested", "host"] as GuestCpu[])("a save's guest has the CPU again that it had: %s", (cpu) => {
  expect(cpuOfSave({ ...record, guestCpu: cpu })).toBe(cpu);
});

test.each([record, { ...record, guestCpu: "x" }])(
  "the guest of a save of an earlier version has seen everything",
  (old) => {
    expect(cpuOfSave(old)).toBe("host");
    expect([cpuArgument("kvm", "host"), cpuArgument("tcg", "host")]).toEqual([
      "host",
      "max,la57=off,erms=off,fsrm=off",
    ]);
  },
);
