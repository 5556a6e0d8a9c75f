import { expect, test } from "bun:test";
import { mutationsOf, withoutWords } from "./mutations.ts";

const changes = (source: string) => mutationsOf(source).map(({ source: changed }) => changed);

test("comparisons, connectives and conditions are turned around", () => {
  expect(changes("return a < b && c;")).toEqual(["return a <= b && c;", "return a < b || c;"]);
  expect(changes("if (!ready) {")).toEqual(["if (ready) {"]);
  expect(changes("if (ready) {")).toEqual(["if (!ready) {"]);
});

test("limits are doubled, and exceeded by one", () => {
  expect(changes("const maxEvents = 64;")).toEqual(["const maxEvents = 128;", "const maxEvents = 65;"]);
  expect(changes("const max = 32_768;")).toContain("const max = 65536;");
});

test("a guard on one line is removed", () => {
  expect(changes("  if (length > max) throw new Error();").at(-1)).toBe("");
});

test("nothing changes in comments, strings, regular expressions, imports and types", () => {
  const words = ["// a < b", 'const a = "1 && 2";', "/* 12 */", "f(/[0-9]{2}/u);"];
  const types = ['import { a } from "./2.ts";', "type A = true;", "  proxy?: string | false;", "  readonly a?: 12;"];
  for (const text of [...words, ...types]) expect(changes(text)).toEqual([]);
  expect(withoutWords("`a\nb` + 1")).toBe("__\n__ + 1");
});

test("in Rust, conditions have no parentheses, and a file's own tests are not changed", () => {
  const rust = (source: string) => mutationsOf(source, "rust").map(({ source: changed }) => changed);
  expect(rust("if !ready {")).toEqual(["if ready {"]);
  expect(rust("if ready {")).toEqual(["if false {"]);
  expect(rust("if abi >= 6 { 1 } else { 0 }")).toEqual(
    expect.arrayContaining(["if abi > 6 { 1 } else { 0 }", "if false { 1 } else { 0 }"]),
  );
  expect(rust("if let Some(1) = x {")).toEqual([]);
  expect(rust("use a::b;\n#[cfg(test)]\nmod tests { const A: u32 = 12; }")).toEqual([]);
  expect(rust("const MAX: usize = 64;")).toEqual(["const MAX: usize = 128;", "const MAX: usize = 65;"]);
});

test("lines are counted from one", () => {
  expect(mutationsOf("\nreturn true;")).toEqual([
    { line: 2, what: "return true;  ->  return false;", source: "\nreturn false;" },
  ]);
});
