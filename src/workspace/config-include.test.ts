import { expect, test } from "bun:test";
import { expandPath, type IncludeFacts, includeCondition, isTrue } from "./config-include.ts";

const facts: IncludeFacts = {
  home: "/home/u",
  homeOf: (user) => (user === "other" ? "/home/other" : null),
  // the home is a link
  real: (path) => path.replace(/^\/home\/u(?=\/|$)/, "/data/u"),
  gitDirs: ["/data/u/work/x/.git", "/home/u/work/x/.git"],
  branch: "feature/one",
};
const urls = ["https://example.com/a.git", "ssh://host/b"];
const file = "/home/u/conf/git";

function holds(condition: string, more: Partial<IncludeFacts> = {}, from: string | null = file): boolean {
  return isTrue(condition, from, { ...facts, ...more }, () => urls);
}

const conditions: [condition: string, holds: boolean][] = [
  ["gitdir:~/", true],
  ["gitdir:~/work/", true],
  ["gitdir:~/work", false],
  ["gitdir:/home/u/work/x/.git", true],
  ["gitdir:/data/u/", true],
  ["gitdir:/data/", true],
  ["gitdir:/dat/", false],
  ["gitdir:x/", true],
  ["gitdir:x/.git", true],
  ["gitdir:X/", false],
  ["gitdir/i:X/", true],
  ["gitdir/i:y/", false],
  ["gitdir:~nobody/", false],
  ["gitdir", false],
  ["onbranch:feature/", true],
  ["onbranch:feature/one", true],
  ["onbranch:feature", false],
  ["onbranch:x/", false],
  ["hasconfig:remote.*.url:https://example.com/*", true],
  ["hasconfig:remote.*.url:ssh://**", true],
  ["hasconfig:remote.*.url:ftp://**", false],
  ["hasconfig:remote.origin.url:**", false],
  ["branch:feature/one", false],
  ["feature/one", false],
  ["", false],
];
for (const [condition, expected] of conditions) {
  test(`${condition || "no condition"} ${expected ? "holds" : "does not hold"}`, () => {
    expect(holds(condition)).toBe(expected);
  });
}

test("a path that begins with a dot is relative to the file's folder, whose name may contain stars", () => {
  const at = (folder: string, condition = "gitdir:./") => holds(condition, {}, `${folder}/git`);
  expect(at("/home/u/work")).toBe(true);
  expect(at("/home/u/work", "gitdir:./x/")).toBe(true);
  expect(at("/home/u/work", "gitdir:./x/.git")).toBe(true);
  expect(at("/home/u/work", "gitdir:./y/")).toBe(false);
  expect(at("/home/u/other")).toBe(false);
  expect(at("/home/u/w*")).toBe(false);
  expect(at("/home/u/WORK")).toBe(false);
  expect(at("/home/u/WORK", "gitdir/i:./")).toBe(true);
  expect(holds("gitdir:./", { real: () => null })).toBe(false);
  expect(holds("gitdir:./", {}, null)).toBe(false);
  expect(holds("gitdir:~/", {}, null)).toBe(true);
});

test("without a branch or a home, the condition is false", () => {
  expect(holds("onbranch:**", { branch: null })).toBe(false);
  expect(holds("onbranch:null", { branch: null })).toBe(false);
  expect(holds("gitdir:~/", { home: null })).toBe(false);
  // a home that does not exist is used under its own name
  expect(holds("gitdir:~/", { real: () => null })).toBe(true);
});

test("a path is relative to a home or git's prefix, or unchanged", () => {
  const expanded = (path: string, home: string | null = "/home/u") => expandPath(path, { ...facts, home });
  expect(expanded("~/a")).toBe("/home/u/a");
  expect(expanded("~")).toBe("/home/u");
  expect(expanded("~other/a")).toBe("/home/other/a");
  expect(expanded("~nobody/a")).toBeNull();
  expect(expanded("~/a", null)).toBeNull();
  expect(expanded("%(prefix)/a")).toBe("/usr/a");
  expect(expanded(":(optional)~/a")).toBe("/home/u/a");
  expect(expanded("a/~")).toBe("a/~");
});

test("only the two include keys include a file", () => {
  expect(includeCondition("include.path")).toBe(true);
  expect(includeCondition("includeif.gitdir:a.b\n.path")).toBe("gitdir:a.b\n");
  expect(includeCondition("includeif..path")).toBe("");
  for (const key of ["include.paths", "include.a.path", "includeif.path", "xinclude.path", "includeif.a.paths"])
    expect(includeCondition(key)).toBeNull();
});
