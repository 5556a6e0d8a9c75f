import { expect, test } from "bun:test";
import { parseConfig } from "./parse.ts";
import { firecrackerProgram, vmmChoice } from "./vmm-choice.ts";

test("a request goes before the config, which is auto unless it says otherwise", () => {
  expect(vmmChoice(undefined, parseConfig("/c", ""))).toEqual({ choice: "auto", why: "as the config says" });
  const named = parseConfig("/c", 'vmm = "qemu"\n');
  expect(vmmChoice(undefined, named)).toEqual({ choice: "qemu", why: "as the config says" });
  expect(vmmChoice("auto", named)).toEqual({ choice: "auto", why: "as requested" });
});

test("the program of Firecracker may be in the user's home", () => {
  const at = (line: string) => firecrackerProgram(parseConfig("/c", line), "/home/u");
  expect(at("")).toBeNull();
  expect(at('firecracker_bin = "~/bin/fc"\n')).toBe("/home/u/bin/fc");
  expect(at('firecracker_bin = "/opt/fc"\n')).toBe("/opt/fc");
});
