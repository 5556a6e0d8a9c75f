import { expect, test } from "bun:test";
import { TarError, type TarKind } from "./header.ts";
import { checkName, insideRoot, plainName } from "./names.ts";

/** What is wrong with a member; null when nothing is. */
function problemOf(name: string, kind: TarKind = "file", link = ""): string | null {
  try {
    checkName(name, kind, link);
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(TarError);
    return (error as TarError).problem;
  }
}

test("names that stay in the root", () => {
  for (const name of ["a", "a/b", "./a", ".//a", "a..b", "...", "a/./b", "\t", "Icon\r"])
    expect(problemOf(name)).toBeNull();
});

test("names that would leave the root become paths inside it", () => {
  const paths = ["..", "a/..", "../a", "a/../b", "/a", "//a", "/./a", "/", "a..b", "./a"];
  expect(paths.map(insideRoot)).toEqual(["", "", "a", "b", "a", "a", "a", "", "a..b", "./a"]);
});

test("the root is a folder and nothing else", () => {
  for (const name of ["", ".", "./", "././"]) {
    expect(problemOf(name, "folder")).toBeNull();
    for (const kind of ["file", "symlink"] as const)
      expect(problemOf(name, kind, "x")).toBe("its root is not a folder");
  }
});

test.each(["\0", "\n"])("no name and no hard link has %j in it", (control) => {
  expect(problemOf(`a${control}`)).toContain("a name contains a control character");
  expect(problemOf("a", "hardlink", `b${control}`)).toContain("a hard link's target contains a control character");
});

test("a symlink can point anywhere but must have a target", () => {
  for (const target of ["/b", "../../b", "b\n"]) expect(problemOf("a", "symlink", target)).toBeNull();
  for (const target of ["", "b\0", "\0"])
    expect(problemOf("a", "symlink", target)).toBe('"a" has an unusable link target');
});

test("a path has 4095 bytes, a component 255", () => {
  const path = (bytes: number) => `${"a/".repeat(2046)}${"b".repeat(bytes - 4092)}`;
  expect([path(4095).length, problemOf(path(4095))]).toEqual([4095, null]);
  expect(problemOf(path(4096))).toBe("a name is too long");
  expect(problemOf("a", "hardlink", path(4095))).toBeNull();
  expect(problemOf("a", "hardlink", path(4096))).toBe("a hard link's target is too long");
  expect(problemOf("a", "symlink", "b".repeat(4095))).toBeNull();
  expect(problemOf("a", "symlink", "b".repeat(4096))).toBe('"a" has an unusable link target');
  expect(problemOf(`a/${"b".repeat(255)}`)).toBeNull();
  expect(problemOf(`a/${"b".repeat(256)}`)).toBe("a name is too long");
});

test("each name has one spelling", () => {
  const spellings = ["", ".", "./", "./a", "././/a/b", "//a"];
  expect(spellings.map(plainName)).toEqual(["", "", "", "a", "a/b", "a"]);
});

test("a line break is allowed where the reader asks for it, a NUL never", () => {
  expect(() => checkName("a\nb", "file", "", true)).not.toThrow();
  expect(() => checkName("a", "hardlink", "b\n", true)).not.toThrow();
  expect(() => checkName("a\0", "file", "", true)).toThrow("a name contains a control character");
});
