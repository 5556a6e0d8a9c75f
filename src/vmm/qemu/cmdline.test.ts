import { expect, test } from "bun:test";
import { maxCmdline } from "../kernel-line.ts";
import { kernelCmdline } from "./cmdline.ts";

test("under TCG timers are not calibrated, and the agent's arguments come last", () => {
  const line = kernelCmdline({ accel: "tcg", tscKhz: 2_596_150, args: ["banger.layers=1", "banger.port=virtio"] });
  expect(line).toContain(" tsc_early_khz=2596150 ");
  expect(line).toContain(" norandmaps ");
  expect(line).toEndWith(" banger.layers=1 banger.port=virtio");
});

test("under KVM there are no arguments about timers or mitigations", () => {
  const line = kernelCmdline({ accel: "kvm", tscKhz: 2_596_150, args: [] });
  expect(line).not.toMatch(/tsc|no_timer_check|mitigations|norandmaps/);
});

test("an unknown frequency is left out", () => {
  expect(kernelCmdline({ accel: "tcg", tscKhz: null, args: [] })).not.toContain("tsc_early_khz");
});

test.each(["two words", "", "line\nbreak", 'quo"te', "\u00e4"])("the argument %p is refused", (arg) => {
  expect(() => kernelCmdline({ accel: "kvm", tscKhz: null, args: [arg] })).toThrow(RangeError);
});

test("a command line that the kernel would truncate is refused", () => {
  expect(() => kernelCmdline({ accel: "kvm", tscKhz: null, args: ["x".repeat(maxCmdline)] })).toThrow(RangeError);
});
