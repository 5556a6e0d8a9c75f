import { expect, test } from "bun:test";
import { planTooling, toolingLog } from "./tooling.ts";
import type { PlanEntry } from "./types.ts";

const file = (path: string): PlanEntry => ({
  path,
  kind: "file",
  mode: 0o644,
  size: 0,
  mtimeNs: 0n,
  origin: "tracked",
  source: { kind: "none" },
});

for (const name of [".mise.toml", "mise.toml", ".tool-versions"]) {
  test(`${name} starts it`, () => expect(planTooling("/x/repo", [file("a"), file(name)])?.argv[0]).toBe("/bin/sh"));
}

test("not for one below, or a folder of that name", () => {
  expect(planTooling("/x", [file("sub/mise.toml"), { ...file("mise.toml"), kind: "folder" }])).toBeNull();
});

const logs: [string, string][] = [
  ["/home/me/repo", "repo"],
  ["/home/me/my repo (2)", "my-repo-2-"],
  ["/home/me/..hidden", "hidden"],
  ["/home/me/$(id);'", "id-"],
  ["/home/me/\n", "u-a-"],
  [`/${"n".repeat(100)}`, "n".repeat(64)],
  ["/home/me/---", "repo"],
];
for (const [root, name] of logs) {
  test(`log of ${JSON.stringify(root.slice(0, 20))}`, () =>
    expect(toolingLog(root)).toBe(`/root/.cache/banger/vm-run-tooling-${name}.log`));
}
