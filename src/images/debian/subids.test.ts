import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { isError } from "../../base/errors/error.ts";
import { fakeExec } from "../../host/testing/exec.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { checkSubordinateIds } from "./subids.ts";

const rows: [string, string, string, boolean][] = [
  ["by name", "ann:100000:65536\n", "ann:100000:65536\n", true],
  ["by number", "1000:100000:65536\n", "1000:100000:65536\n", true],
  ["others only", "bob:100000:65536\n", "bob:100000:65536\n", false],
  ["too few", "ann:100000:1000\n", "ann:100000:65536\n", false],
  ["users but no groups", "ann:100000:65536\n", "", false],
];

for (const [what, subuid, subgid, usable] of rows) {
  test(what, async () => {
    using root = tempFolder();
    mkdirSync(`${root.path}/etc`);
    writeFileSync(`${root.path}/etc/subuid`, subuid);
    writeFileSync(`${root.path}/etc/subgid`, subgid);
    const exec = fakeExec({ newuidmap: { exitCode: 1 }, "id -un": { stdout: "ann\n" } });
    const error = await checkSubordinateIds({ exec, uid: 1000, root: root.path }).catch((thrown: unknown) => thrown);
    expect(error === undefined).toBe(usable);
    if (!usable) expect(isError(error, "RECIPE_UNAVAILABLE") && error.hint).toContain("usermod --add-subuids");
  });
}

test("a host without the files gives the same error", async () => {
  using root = tempFolder();
  const exec = fakeExec({ newuidmap: { exitCode: 1 }, "id -un": { stdout: "ann\n" } });
  const error = await checkSubordinateIds({ exec, uid: 1000, root: root.path }).catch((thrown: unknown) => thrown);
  expect(isError(error, "RECIPE_UNAVAILABLE")).toBe(true);
});
