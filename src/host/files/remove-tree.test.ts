import { describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { fail } from "../../base/errors/error.ts";
import { tempFolder } from "../testing/temp.ts";
import { makeDeepTree, makeEveryKind } from "../testing/unremovable.ts";
import { clearTree } from "./clear-tree.ts";
import { listFolder } from "./files.ts";
import { describeStuck, removeTree, removeTrees } from "./remove-tree.ts";

describe.each([
  ["removeTree", removeTree],
  ["clearTree", async (path: string) => expect(await clearTree(path)).toBeNull()],
])("%s", (_name, remove) => {
  test("files, folders, sockets, fifos, names that are not UTF-8; a missing one is fine", async () => {
    using folder = tempFolder();
    const path = `${folder.path}/vm`;
    await makeEveryKind(path);
    await remove(path);
    expect(fs.existsSync(path)).toBe(false);
    await remove(path);
    fs.writeFileSync(path, "a file");
    await remove(path);
    expect(fs.readdirSync(folder.path)).toEqual([]);
  });

  test("a link is removed, and its target is unchanged", async () => {
    using folder = tempFolder();
    const other = `${folder.path}/other`;
    fs.mkdirSync(`${other}/inside`, { recursive: true, mode: 0o500 });
    fs.mkdirSync(`${folder.path}/vm`);
    fs.symlinkSync(other, `${folder.path}/vm/link`);
    await remove(`${folder.path}/vm`);
    fs.symlinkSync(other, `${folder.path}/vm`);
    await remove(`${folder.path}/vm`);
    expect([fs.readdirSync(folder.path), fs.readdirSync(other)]).toEqual([["other"], ["inside"]]);
    expect(fs.statSync(`${other}/inside`).mode & 0o777).toBe(0o500);
  });

  test("a folder whose own name is not UTF-8, as listFolder returns it", async () => {
    using folder = tempFolder();
    fs.mkdirSync(Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from([0xff, 0xfe])]));
    const [name = ""] = await listFolder(folder.path);
    await remove(`${folder.path}/${name}`);
    expect(await listFolder(folder.path)).toEqual([]);
  });

  test("the time depends on the tree's size, not on its depth", async () => {
    using folder = tempFolder();
    const cost = async (depth: number) => {
      fs.mkdirSync(`${folder.path}/vm/${"d/".repeat(depth)}`, { recursive: true });
      const before = process.cpuUsage();
      await remove(`${folder.path}/vm`);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    // what else the process does only adds to a cost
    const leastCost = async (depth: number) => Math.min(await cost(depth), await cost(depth), await cost(depth));
    const [shallow, deep] = [await leastCost(50), await leastCost(400)];
    // 64 times if the time grew with the square
    expect(deep / shallow).toBeLessThan(32);
  });

  test("a tree deeper than the longest path", async () => {
    using folder = tempFolder();
    makeDeepTree(`${folder.path}/vm`, 60);
    await remove(`${folder.path}/vm`);
    expect(fs.readdirSync(folder.path)).toEqual([]);
  });
});

test("a path that can't be one is an error, and nothing that was left", async () => {
  using folder = tempFolder();
  await expect(clearTree(`${folder.path}/a\u0000`)).rejects.toThrow();
});

/** Resolves when one of the folders has fewer files than `count`, which it is looked at for between any two steps of a removal. */
async function firstEmptied(folders: readonly string[], count: number): Promise<string> {
  for (;;) {
    const found = folders.find((path) => fs.readdirSync(path).length < count);
    if (found !== undefined) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a folder that is moved away during its removal ends it: nothing beside its new place is removed", async () => {
  using folder = tempFolder();
  const [vm, other] = [`${folder.path}/vm`, `${folder.path}/other`];
  const count = 2000;
  for (const name of ["a", "b"]) {
    fs.mkdirSync(`${vm}/${name}`, { recursive: true });
    for (let at = 0; at < count; at++) fs.writeFileSync(`${vm}/${name}/${at}`, "");
    fs.mkdirSync(`${other}/${name}`, { recursive: true });
    fs.writeFileSync(`${other}/${name}/mine`, "");
  }
  const removed = clearTree(vm);
  const moved = await firstEmptied([`${vm}/a`, `${vm}/b`], count);
  fs.renameSync(moved, `${other}/moved`);
  expect(await removed).toEqual({ path: moved, errno: "EBUSY" });
  expect(fs.readdirSync(other, { recursive: true }).sort()).toEqual(["a", "a/mine", "b", "b/mine", "moved"]);
});

test("all paths are tried, and the first failure is thrown", async () => {
  using folder = tempFolder();
  for (const name of ["a", "b"]) fs.writeFileSync(`${folder.path}/${name}`, "");
  const invalid = `${folder.path}/a\u0000`;
  await expect(removeTrees([invalid, `${folder.path}/a`, `${folder.path}/b`])).rejects.toThrow();
  expect(fs.readdirSync(folder.path)).toEqual([]);
});

describe("messages about something that can't be removed", () => {
  const root = "/s/vms/abcd2345";
  const rows: [string, Parameters<typeof describeStuck>[1], RegExp, RegExp][] = [
    ["a flag", { path: `${root}/x`, errno: "EPERM" }, /forbids/, /^`sudo chattr -R -i -a \/s\/vms\/abcd2345`/],
    ["another's", { path: `${root}/x`, errno: "EPERM", uid: 0 }, /user 0/, /^`sudo rm -rf \/s\/vms\/abcd2345\/x`/],
    ["a mount", { path: `${root}/m`, errno: "EBUSY" }, /mounted/, /^`sudo umount \/s\/vms\/abcd2345\/m`/],
    ["a race", { path: root, errno: "ENOTEMPTY" }, /written to/, /^`fuser -v \/s/],
    ["a read-only disk", { path: root, errno: "EROFS" }, /read-only/, /dmesg/],
    ["a broken disk", { path: root, errno: "EIO" }, /EIO/, /dmesg/],
  ];
  test.each(rows)("%s", (_label, stuck, reason, next) => {
    const said = describeStuck(root, stuck);
    expect(said.reason).toMatch(reason);
    expect(said.next).toMatch(next);
    const error = fail("NOT_REMOVED", said);
    expect(error.message).toBe(`${stuck.path} can't be removed: ${said.reason}`);
    expect(error.hint).toContain(said.next);
  });

  test("an untrusted name is shown without control characters, and is not part of the suggested command", () => {
    const said = describeStuck(root, { path: `${root}/';reboot;\u001b[2J\udcff'`, errno: "EBUSY" });
    expect(said.path).toBe(`${root}/';reboot;?'`);
    expect(said.next).toBe("`sudo umount /s/vms/abcd2345` ends the mount");
  });
});
