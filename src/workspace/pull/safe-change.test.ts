import { expect, test } from "bun:test";
import { isLikeDotGit, unsafeLink, unsafePath } from "./safe-change.ts";

const bytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");

test("names that some file system takes for .git", () => {
  const names = [
    ".git",
    ".GIT",
    ".giT",
    "git~1",
    "GIT~1",
    "git~12",
    ".git ",
    ".git.",
    ".git. .",
    ".git:x",
    ".git::$DATA",
    "git~1:x",
    "a\\.git",
    "\\.git\\x",
    ".g\u200cit",
    "\ufeff.git",
    ".gi\u206at",
  ];
  expect(names.filter((name) => !isLikeDotGit(bytes(name)))).toEqual([]);
  const others = [".gitignore", ".gitmodules", "git", ".github", "x.git", ".git-x", "git~", "git~x", "agit~1", ".gïtx"];
  expect(others.filter((name) => isLikeDotGit(bytes(name)))).toEqual([]);
});

test("paths below the work tree", () => {
  expect(["a", "a/b.c", "-x", "ü", " ", "a\\b", ".gitignore", "\u00ff"].map(unsafePath)).toEqual(Array(8).fill(null));
  const bad = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/..",
    "../a",
    "a/./b",
    "a\0b",
    ".git/x",
    "a/.GIT/x",
    "a/git~1",
    `${"a/".repeat(2500)}b`,
    "n".repeat(256),
  ];
  expect(bad.filter((path) => unsafePath(path) === null)).toEqual([]);
});

test("links that stay below the work tree", () => {
  const good: [path: string, target: string][] = [
    ["l", "a"],
    ["l", "./a/b/"],
    ["l", "."],
    ["a/l", ".."],
    ["a/l", "../b"],
    ["a/b/l", "../../c/d"],
    ["l", ".gitignore"],
  ];
  for (const [path, target] of good) expect([path, target, unsafeLink(path, target)]).toEqual([path, target, null]);
  const bad: [path: string, target: string][] = [
    ["l", ""],
    ["l", "/"],
    ["l", "/etc/passwd"],
    ["l", ".."],
    ["l", "./../x"],
    ["a/l", "../.."],
    ["a/l", "../../x"],
    ["l", "a/.."],
    ["a/b/l", "x/../../.."],
    ["l", ".git"],
    ["a/l", "../.git/config"],
    ["l", "GIT~1"],
    ["l", "a\0b"],
  ];
  for (const [path, target] of bad) expect([path, target, unsafeLink(path, target)]).not.toEqual([path, target, null]);
});
