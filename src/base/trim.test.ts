import { expect, test } from "bun:test";
import { Glob } from "bun";
import { trimEndOf } from "./trim.ts";

test.each([
  ["a//", "/", "a"],
  ["///", "/", ""],
  ["", "/", ""],
  ["/a", "/", "/a"],
  ["a/b", "/", "a/b"],
  ["a\r\r", "\r", "a"],
])("%p without %p at its end", (text, character, expected) => {
  expect(trimEndOf(text, character)).toBe(expected);
});

test("a megabyte in the middle costs nothing", () => {
  const text = `${"/".repeat(1024 * 1024)}x`;
  expect(trimEndOf(text, "/")).toBe(text);
});

/** An unanchored repeated class up to the end: quadratic on a long run that is followed by something else. */
const quadratic = /\.replace\(\/(?:\\.|\[[^\]]*\])[+*]\$\//;

test("no source trims with a pattern that takes quadratic time", async () => {
  const found: string[] = [];
  for await (const path of new Glob("**/*.ts").scan(`${import.meta.dirname}/..`)) {
    if (path.endsWith(".test.ts") || path.includes("/testing/")) continue;
    const text = await Bun.file(`${import.meta.dirname}/../${path}`).text();
    if (quadratic.test(text)) found.push(path);
  }
  expect(found).toEqual([]);
});
