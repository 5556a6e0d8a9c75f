import { expect, test } from "bun:test";
import type { SaveRecord } from "../driver.ts";
import { checkHost, cpuName, type HostFacts } from "./host-facts.ts";

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

test("a CPU's name identifies model and stepping", () => {
  const cpuinfo = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\nstepping\t: 1\n";
  expect(cpuName(cpuinfo)).toBe("AMD EPYC (25/17/1)");
  expect(cpuName("")).toBe("? (?/?/?)");
});
