/** Values of flags: which are accepted, and the errors for the others. */
import { expect, test } from "bun:test";
import { parseDisk, parseMemory, parseVcpu } from "./flags.ts";

test("sizes within their bounds are accepted", () => {
  expect([parseVcpu("64"), parseMemory("128M"), parseMemory("1T"), parseDisk("256M")]).toEqual([
    64,
    128,
    1024 * 1024,
    256 * 1024 ** 2,
  ]);
});

test.each<[string, (text: string) => number, string, string]>([
  ["--vcpu", parseVcpu, "65", "from 1 to 64"],
  ["--memory", parseMemory, "64M", "from 128 MiB to 1 TiB"],
  ["--memory", parseMemory, "2T", "from 128 MiB to 1 TiB"],
  ["--disk", parseDisk, "1M", "from 256 MiB to 64 TiB"],
  ["--disk", parseDisk, "65T", "from 256 MiB to 64 TiB"],
])("%s refuses a value out of its bounds, and names both bounds", (flag, parse, text, bounds) => {
  expect(() => parse(text)).toThrow(bounds);
  expect(() => parse(text)).toThrow(flag);
});
