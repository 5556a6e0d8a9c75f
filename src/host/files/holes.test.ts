import { expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { digHoles, freeStart } from "./holes.ts";

const block = 4096;
const used = (path: string) => statSync(path).blocks * 512;

test("blocks of zeros become holes, and the content stays", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/f`;
  const content = Buffer.alloc(3 * 1024 * 1024 + 100);
  content.write("here", 5 * block + 1);
  content.write("there", 2 * 1024 * 1024 - 2);
  content.write("end", content.length - 3);
  writeFileSync(path, content);
  await digHoles(path);
  expect(readFileSync(path).equals(content)).toBe(true);
  expect(used(path)).toBeLessThanOrEqual(4 * block);
  await digHoles(path);
  expect(readFileSync(path).equals(content)).toBe(true);
});

test("a log's start is freed, while its size and its end stay", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/log`;
  const content = Buffer.alloc(100 * block, "x");
  writeFileSync(path, content);
  await freeStart(path, 10 * block);
  expect(statSync(path).size).toBe(content.length);
  expect(
    readFileSync(path)
      .subarray(-10 * block)
      .equals(content.subarray(-10 * block)),
  ).toBe(true);
  expect(used(path)).toBeLessThanOrEqual(11 * block);
});
