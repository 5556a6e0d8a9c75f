/** As an ordinary user: for root, modes have no effect. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { gatedTest } from "../testing/gate.ts";
import { tempFolder } from "../testing/temp.ts";
import { makeDeepTree, makeEveryKind, makeLocked } from "../testing/unremovable.ts";
import { removeTree } from "./remove-tree.ts";

gatedTest("ordinary-user", "modes that keep their owner out, at any depth and at the root", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/vms/vm`;
  await makeEveryKind(path);
  makeLocked(path);
  makeDeepTree(`${path}/deep`, 60);
  fs.mkdirSync(`${path}/wide`);
  for (let n = 0; n < 500; n++) fs.mkdirSync(`${path}/wide/${n}`, { mode: n % 2 ? 0 : 0o500 });
  fs.chmodSync(path, 0);
  await removeTree(path);
  expect(fs.readdirSync(`${folder.path}/vms`)).toEqual([]);
});

gatedTest("ordinary-user", "a file in a folder that its owner may not enter", async () => {
  using folder = tempFolder();
  fs.mkdirSync(`${folder.path}/vm`);
  fs.writeFileSync(`${folder.path}/vm/qmp.sock`, "");
  fs.chmodSync(`${folder.path}/vm`, 0);
  await removeTree(`${folder.path}/vm/qmp.sock`);
  expect(fs.readdirSync(`${folder.path}/vm`)).toEqual([]);
});

gatedTest("ordinary-user", "a mode that was repaired is that of nothing outside", async () => {
  using folder = tempFolder();
  const other = `${folder.path}/other`;
  fs.mkdirSync(other, { mode: 0o500 });
  fs.mkdirSync(`${folder.path}/vm/locked`, { recursive: true });
  fs.symlinkSync(other, `${folder.path}/vm/locked/link`);
  fs.chmodSync(`${folder.path}/vm/locked`, 0);
  await removeTree(`${folder.path}/vm`);
  expect([fs.existsSync(`${folder.path}/vm`), fs.statSync(other).mode & 0o777]).toEqual([false, 0o500]);
});

gatedTest(
  "ordinary-user",
  "a hundred thousand entries behind a locked folder, while the event loop goes on",
  async () => {
    using folder = tempFolder();
    const path = `${folder.path}/vm`;
    fs.mkdirSync(`${path}/wide`, { recursive: true });
    for (let n = 0; n < 100_000; n++) fs.closeSync(fs.openSync(`${path}/wide/${n}`, "w"));
    fs.mkdirSync(`${path}/wide/locked/inside`, { recursive: true });
    fs.chmodSync(`${path}/wide/locked`, 0);
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    await removeTree(path);
    clearInterval(timer);
    expect(fs.existsSync(path)).toBe(false);
    expect(longest).toBeLessThan(2000);
  },
);
