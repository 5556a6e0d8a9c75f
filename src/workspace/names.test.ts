import { expect, test } from "bun:test";
import fc from "fast-check";
import { isSafePath, isSafePlainPath, parentsOf, showPath, under } from "./names.ts";

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

test("a plain folder may hold .git", () =>
  expect([isSafePlainPath("a/.git/config"), isSafePlainPath("a/../b")]).toEqual([true, false]));

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
  expect([bytes("ünï"), "a\xff", "a\nb\u001b", bytes("\u202ex")].map(showPath)).toEqual([
    "ünï",
    "a\\xff",
    "a\\x0ab\\x1b",
    "\\x202ex",
  ]);
});

test("parentsOf and under", () => {
  expect(parentsOf("a/b/c")).toEqual(["a", "a/b"]);
  expect([under("", "a"), under("a", "b"), under("a", "")]).toEqual(["a", "a/b", "a"]);
});
