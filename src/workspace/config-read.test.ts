import { expect, test } from "bun:test";
import { type ConfigInput, readConfig } from "./config-read.ts";

/** Reads with `text` as the user's `~/.gitconfig`, and other files by their path. */
function read(text: string, files: Record<string, string> = {}, more: Partial<ConfigInput> = {}) {
  const result = readConfig({
    parts: [{ scope: "global", file: "/home/u/.gitconfig", text }],
    home: "/home/u",
    homeOf: (user) => (user === "other" ? "/home/other" : null),
    real: (path) => path,
    gitDirs: ["/home/u/work/x/.git"],
    branch: "feature/one",
    read: (path) => files[path] ?? null,
    ...more,
  });
  return { ...result, values: result.entries.map(({ key, value }) => `${key}=${value}`) };
}

test("included settings take the place of the include", () => {
  const { values } = read("[a]\nk=1\n[include]\npath=more\n[a]\nk=3\n", { "/home/u/more": "[a]\nk=2\n" });
  expect(values).toEqual(["a.k=1", "include.path=more", "a.k=2", "a.k=3"]);
});

test("includes nest ten levels deep, and not one more", () => {
  const files = Object.fromEntries(
    [...Array(12).keys()].map((i) => [`/i${i}`, `[include]\npath=/i${i + 1}\n[a]\nk${i}\n`]),
  );
  const { problems, values } = read("[include]\npath=/i0\n", files);
  expect(values).toContain("a.k9=true");
  expect(values).not.toContain("a.k10=true");
  expect(problems).toEqual(["too many includes, one in another: /i10"]);
});

test("files that include each other do not loop", () => {
  const both = "[include]\npath=/a\npath=/b\n";
  const { problems, included } = read(both, { "/a": both, "/b": both });
  expect(problems.length).toBeGreaterThan(0);
  expect(included.length).toBeLessThanOrEqual(2000);
});

test("an unreadable file is a problem, a missing one is not", () => {
  const denied = {
    read: () => {
      throw new Error("permission denied");
    },
  };
  expect(read("[include]\npath=/x\n", {}, denied).problems).toEqual(["/x can't be read: permission denied"]);
  expect(read("[include]\npath=/x\n").problems).toEqual([]);
  expect(read("[include]\npath=/x\n", { "/x": "[a\n" }).problems).toEqual(["bad config line in file /x"]);
  const asked: string[] = [];
  const none = {
    read: (path: string) => {
      asked.push(path);
      return null;
    },
  };
  expect(read("[include]\npath=~nobody/x\n", {}, none).problems).toEqual(["could not expand include path '~nobody/x'"]);
  const environment = { parts: [{ scope: "command" as const, pairs: [["include.path", "x"] as [string, string]] }] };
  expect(read("", {}, { ...none, ...environment }).problems).toEqual(["relative config includes must come from files"]);
  expect(asked).toEqual([]);
});

test("conditions that take too much work are a problem", () => {
  const urls = `[remote "r"]\nurl=${"a".repeat(4000)}\n`.repeat(100);
  const pattern = "*a".repeat(2000);
  const { problems } = read(`${urls}${`[includeIf "hasconfig:remote.*.url:${pattern}b"]\npath=/x\n`.repeat(100)}`);
  expect(problems).toEqual(["its conditional includes take too long to decide"]);
}, 30_000);

test("the work of all conditions together is limited to 200,000,000", () => {
  const work = (name: number, url: number) => {
    const conditions = ["gitdir:".padEnd(19_999, "x"), "hasconfig:remote.*.url:".padEnd(name, "x")];
    const text = conditions.map((one) => `[includeIf "${one}"]\npath=/x\n`).join("");
    const facts = { gitDirs: ["d".repeat(10_000)], branch: null };
    const { problems, included } = read(`${text}[remote "r"]\nurl=${"u".repeat(url)}\n`, { "/x": "" }, facts);
    expect(included).toEqual([]);
    return problems;
  };
  expect(19_999 * 10_000 + 100 * 100).toBe(200_000_000);
  expect(work(100, 100)).toEqual([]);
  // 10,001 characters
  expect(work(73, 137)).toEqual(["its conditional includes take too long to decide"]);
});

test("at most 2000 files are included", () => {
  const include = (count: number) => read("[include]\npath=/x\n".repeat(count), { "/x": "" });
  expect(include(2000)).toMatchObject({ problems: [], included: { length: 2000 } });
  expect(include(2001)).toMatchObject({
    problems: ["too many includes, one in another: /x"],
    included: { length: 2000 },
  });
});

test("another user's home, and git's own prefix", () => {
  const files = { "/home/other/x": "[a]\nk=1\n", "/usr/y": "[a]\nk=2\n" };
  expect(read("[include]\npath=~other/x\npath=%(prefix)/y\n", files).included.map(({ file }) => file)).toEqual(
    Object.keys(files),
  );
});
