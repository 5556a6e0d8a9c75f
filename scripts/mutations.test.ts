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

test("lines are counted from one", () => {
  expect(mutationsOf("\nreturn true;")).toEqual([
    { line: 2, what: "return true;  ->  return false;", source: "\nreturn false;" },
  ]);
});
