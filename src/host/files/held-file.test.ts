import { afterAll, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { contentStamp } from "./files.ts";
import { holdFile, holdOpenFile } from "./held-file.ts";

const temp = tempFolder("held");
afterAll(() => temp[Symbol.dispose]());

test("a held file is readable when it was renamed, replaced or deleted", async () => {
  const path = `${temp.path}/one`;
  writeFileSync(path, "content");
  const held = await holdFile(path);
  renameSync(path, `${path}.other`);
  writeFileSync(path, "another");
  rmSync(`${path}.other`);
  expect(readFileSync(held.path, "utf8")).toBe("content");
  expect(await held.isUntouched()).toBe(true);
  await held.close();
  await held.close();
});

test("a write to a held file shows", async () => {
  const path = `${temp.path}/two`;
  writeFileSync(path, "content");
  const held = await holdFile(path);
  writeFileSync(path, "more content");
  expect(await held.isUntouched()).toBe(false);
  await held.close();
});

test("a file that a process has open is found by its stamp, and another one is not", async () => {
  const path = `${temp.path}/three`;
  writeFileSync(path, "content");
  const stamp = await contentStamp(path);
  expect(await holdOpenFile(process.pid, stamp)).toBeNull();
  const file = openSync(path, "r");
  rmSync(path);
  const held = await holdOpenFile(process.pid, stamp);
  closeSync(file);
  expect(readFileSync(held?.path ?? "", "utf8")).toBe("content");
  await held?.close();
  expect(await holdOpenFile(process.pid, stamp)).toBeNull();
  expect(await holdOpenFile(0, stamp)).toBeNull();
});
