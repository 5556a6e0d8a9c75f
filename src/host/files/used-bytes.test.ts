import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { maxLooked, usedBytes } from "./used-bytes.ts";

test("files at every depth count, links as themselves, and names that are not UTF-8", async () => {
  using folder = tempFolder();
  fs.mkdirSync(`${folder.path}/a/b`, { recursive: true });
  const block = Buffer.alloc(4096, 1);
  fs.writeFileSync(`${folder.path}/top`, block);
  fs.writeFileSync(`${folder.path}/a/b/deep`, block);
  fs.writeFileSync(Buffer.concat([Buffer.from(`${folder.path}/a/`), Buffer.from([0xff])]), block);
  fs.symlinkSync("/usr", `${folder.path}/link`);
  const expected = ["", "/a", "/a/b"].reduce((sum, at) => sum + fs.statSync(folder.path + at).blocks * 512, 3 * 4096);
  expect(await usedBytes(folder.path)).toBe(expected);
});

test("an unreadable or missing folder counts as nothing", async () => {
  using folder = tempFolder();
  fs.symlinkSync("loop", `${folder.path}/loop`);
  expect(await usedBytes(`${folder.path}/loop/x`)).toBe(0);
  expect(await usedBytes(`${folder.path}/none`)).toBe(0);
});

test("at most the allowed number of entries is examined, in all folders together", async () => {
  using folder = tempFolder();
  fs.mkdirSync(`${folder.path}/a`);
  const block = Buffer.alloc(4096, 1);
  for (const name of ["a/1", "a/2"]) fs.writeFileSync(`${folder.path}/${name}`, block);
  const own = ["", "/a"].reduce((sum, at) => sum + fs.statSync(folder.path + at).blocks * 512, 0);
  expect(await usedBytes(folder.path, 3)).toBe(own + 2 * 4096);
  expect(await usedBytes(folder.path, 2)).toBe(own + 4096);
  expect(await usedBytes(folder.path, 1)).toBe(own);
  expect(maxLooked).toBe(50_000);
});

test("more entries than are examined at a time are all counted", async () => {
  using folder = tempFolder();
  const block = Buffer.alloc(4096, 1);
  for (let file = 0; file < 130; file++) fs.writeFileSync(`${folder.path}/${file}`, block);
  expect(await usedBytes(folder.path)).toBe(fs.statSync(folder.path).blocks * 512 + 130 * 4096);
});
