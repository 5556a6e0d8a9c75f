import { expect, test } from "bun:test";
import fc from "fast-check";
import { parentsOf } from "../base/parents.ts";
import { baseName, isSafePath, isSafePlainPath, showPath, under } from "./names.ts";

const paths: [string, boolean][] = [
  ["a", true],
  ["a/b c/d\n", true],
  [".gitignore", true],
  [".github/x", true],
  ["a..b/...", true],
  ["", false],
  ["/a", false],
  ["a/", false],
  ["a//b", false],
  ["./a", false],
  ["a/..", false],
  ["../a", false],
  [".git", false],
  ["a/.GIT/config", false],
  ["a\0b", false],
  ["n".repeat(256), false],
  ["a/".repeat(2000), false],
];
for (const [path, safe] of paths)
  test(`isSafePath ${JSON.stringify(path.slice(0, 20))}`, () => expect(isSafePath(path)).toBe(safe));

test("a plain folder can contain .git, and otherwise only what a repository can", () => {
  for (const [path, safe] of paths) expect(isSafePlainPath(path)).toBe(safe || /\.git\b/i.test(path));
  expect(isSafePlainPath("a/.git/config")).toBe(true);
});

test("a path has 4000 bytes, a name 255", () => {
  const path = (bytes: number) => `${"a/".repeat(bytes / 2 - 1)}${"b".repeat(bytes % 2 === 0 ? 2 : 3)}`;
  for (const isSafe of [isSafePath, isSafePlainPath]) {
    expect([path(4000).length, isSafe(path(4000))]).toEqual([4000, true]);
    expect([path(4001).length, isSafe(path(4001))]).toEqual([4001, false]);
    expect([isSafe("n".repeat(255)), isSafe("n".repeat(256))]).toEqual([true, false]);
  }
});

test("the last component", () => {
  expect(["a/b/c", "c", "a/"].map(baseName)).toEqual(["c", "c", ""]);
});

test("a safe path never leaves its folder", () => {
  const name = fc.constantFrom("a", "..", ".", "", ".git", "b");
  fc.assert(
    fc.property(fc.array(name), (names) => {
      const path = names.join("/");
      if (isSafePath(path)) expect(new URL(path, "file:///r/").pathname).toBe(`/r/${path}`);
    }),
  );
});

test("showPath", () => {
  const bytes = (text: string) => Buffer.from(text).toString("latin1");
  expect([bytes("ünï"), "a\xff", "a\nb\u001b", bytes("\u202ex"), bytes("a\u200bb"), "\\u{61}"].map(showPath)).toEqual([
    "ünï",
    "a\\xff",
    "a\\u{a}b\\u{1b}",
    "\\u{202e}x",
    "a\\u{200b}b",
    "\\u{5c}u{61}",
  ]);
});

test("parentsOf and under", () => {
  expect(parentsOf("a/b/c")).toEqual(["a", "a/b"]);
  expect([under("", "a"), under("a", "b"), under("a", "")]).toEqual(["a", "a/b", "a"]);
});
