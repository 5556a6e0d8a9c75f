import { afterAll, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { makePrivate, writeNew } from "./new-file.ts";
import { makeScratch, writeScratch } from "./scratch.ts";

const base = tempFolder("scratch");
afterAll(() => base[Symbol.dispose]());

const bed = () => fs.mkdtempSync(`${base.path}/`);

test("a scratch folder is private and new each time, and those of dead processes are removed", async () => {
  const parent = `${bed()}/scratch`;
  fs.mkdirSync(`${parent}/4194300-5-0123456789/x`, { recursive: true });
  fs.mkdirSync(`${parent}/${process.pid}-1-0123456789`);
  fs.mkdirSync(`${parent}/foreign`);
  const [one, two] = [await makeScratch(parent), await makeScratch(parent)];
  expect(one).not.toBe(two);
  expect(fs.statSync(one).mode & 0o777).toBe(0o700);
  await writeScratch(`${one}/a/b`, "x");
  expect(fs.readdirSync(parent).length).toBe(3);
  expect(fs.existsSync(`${parent}/foreign`)).toBe(true);
});

test("writeNew: one of many callers succeeds, and no other file is left", async () => {
  const folder = bed();
  const won = await Promise.all(Array.from({ length: 20 }, (_, i) => writeNew(`${folder}/file`, `${i}`)));
  expect(won.filter(Boolean).length).toBe(1);
  expect(fs.readFileSync(`${folder}/file`, "utf8")).toBe(`${won.indexOf(true)}`);
  expect(fs.readdirSync(folder)).toEqual(["file"]);
  expect(fs.statSync(`${folder}/file`).mode & 0o777).toBe(0o600);
  fs.chmodSync(`${folder}/file`, 0o644);
  await makePrivate(`${folder}/file`);
  expect(fs.statSync(`${folder}/file`).mode & 0o777).toBe(0o600);
});
