import { expect, test } from "bun:test";
import { allChanges, type Change, judge, uncommitted } from "./changes.ts";
import type { Files, TreeFile } from "./sent.ts";

const file = (content: string, mode: TreeFile["mode"] = "100644"): TreeFile => ({ mode, oid: content });
const files = (all: Record<string, string>): Files =>
  new Map(Object.entries(all).map(([path, text]) => [path, file(text)]));

/** The changes of one path, whose content in each tree is given; absent: not there. */
function of(trees: { sent?: string; sentHead?: string; head?: string; work?: string }): Change | undefined {
  const tree = (text: string | undefined) => files(text === undefined ? {} : { p: text });
  return uncommitted(
    { sent: tree(trees.sent), sentHead: tree(trees.sentHead), head: tree(trees.head), work: tree(trees.work) },
    [],
  )[0];
}

test("what is as it was sent, or as it was committed, is no change", () => {
  expect(of({ sent: "1", sentHead: "1", head: "1", work: "1" })).toBeUndefined();
  expect(of({ sent: "dirty", sentHead: "1", head: "1", work: "dirty" })).toBeUndefined();
  expect(of({ sent: "untracked", work: "untracked" })).toBeUndefined();
  expect(of({ sentHead: "deleted here before", head: "deleted here before" })).toBeUndefined();
  expect(of({ sent: "1", sentHead: "1", head: "2", work: "2" })).toBeUndefined();
  expect(of({ sent: "1", sentHead: "1" })).toBeUndefined();
  expect(of({ sent: "crlf", sentHead: "lf", head: "lf", work: "crlf" })).toBeUndefined();
});

test("a change begins with what was sent, and with the guest's commit where that changed the file", () => {
  expect(of({ sent: "1", sentHead: "1", head: "1", work: "2" })).toMatchObject({ from: file("1"), to: file("2") });
  expect(of({ sent: "dirty", sentHead: "1", head: "1", work: "2" })).toMatchObject({ from: file("dirty") });
  expect(of({ sent: "1", sentHead: "1", head: "2", work: "3" })).toMatchObject({ from: file("2"), isOnCommits: true });
  expect(of({ sent: "1", sentHead: "1", head: "1" })).toMatchObject({ from: file("1"), to: null });
  expect(of({ sent: "untracked" })).toMatchObject({ from: file("untracked"), to: null });
  expect(of({ sent: "dirty", sentHead: "1", head: "1", work: "1" })).toMatchObject({
    from: file("dirty"),
    to: file("1"),
  });
  expect(of({ work: "new" })).toMatchObject({ from: null, to: file("new"), isOnCommits: false });
  expect(of({ head: "1", work: "2" })).toMatchObject({ from: file("1"), isOnCommits: true });
});

test("files of submodules are left out", () => {
  const trees = { sent: files({ "s/x": "1", "sub/x": "1" }), sentHead: files({}), head: files({}), work: files({}) };
  expect(uncommitted(trees, ["sub"]).map(({ path }) => path)).toEqual(["s/x"]);
  expect(allChanges(trees, ["s", "sub"])).toEqual([]);
});

test("the mode alone is a change", () => {
  const work = new Map([["p", file("1", "100755")]]);
  const trees = { sent: files({ p: "1" }), sentHead: files({ p: "1" }), head: files({ p: "1" }), work };
  expect(uncommitted(trees, [])).toHaveLength(1);
});

test("verdicts", () => {
  const change = { path: "p", from: file("1"), to: file("2"), isOnCommits: false };
  expect(judge(change, file("1"), null).kind).toBe("ready");
  expect(judge(change, file("2"), null).kind).toBe("same");
  expect(judge(change, file("3"), null)).toMatchObject({ kind: "conflict", isFile: true });
  expect(judge(change, null, null)).toMatchObject({ reason: "was deleted here since it was sent" });
  expect(judge(change, "other", null)).toMatchObject({ kind: "conflict", isFile: false });
  expect(judge(change, file("1"), "is a link")).toEqual({ kind: "refused", reason: "is a link" });
  expect(judge({ ...change, from: null }, file("3"), null)).toMatchObject({
    reason: expect.stringContaining("is new in the VM"),
  });
  expect(judge({ ...change, isOnCommits: true }, file("3"), null)).toMatchObject({
    reason: expect.stringContaining("commits"),
  });
  expect(judge({ ...change, to: null }, null, null).kind).toBe("same");
});
