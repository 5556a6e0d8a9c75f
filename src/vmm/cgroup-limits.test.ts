import { expect, test } from "bun:test";
import { cgroupLimits } from "./cgroup-limits.ts";

test("a VMM may use its guest's memory and CPUs, and as much more as it needs itself", () => {
  expect(cgroupLimits({ vcpu: 2, memoryMib: 512 })).toEqual({
    "memory.max": "2147483648",
    "memory.oom.group": "1",
    "pids.max": "130",
    "cpu.max": "300000 100000",
  });
});

test("the largest VM's limits are whole numbers", () => {
  for (const value of Object.values(cgroupLimits({ vcpu: 64, memoryMib: 1_048_576 })))
    expect(value).toMatch(/^[\d ]+$/);
});
