import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { makeHoles, makeSparseFile } from "./sparse-file.ts";

const folder = mkdtempSync(`${tmpdir()}/banger-sparse-`);
afterAll(() => rmSync(folder, { recursive: true }));

test("pieces at their places, holes elsewhere, and a name when it is finished", async () => {
  const path = `${folder}/memory`;
  const file = await makeSparseFile(path, 1 << 24);
  await file.writeAt(8192, Buffer.from("second"));
  await file.writeAt(0, Buffer.from("first"));
  expect(readdirSync(folder)).not.toContain("memory");
  await file.finish();
  expect(readdirSync(folder)).toEqual(["memory"]);
  const { size, mode, blocks } = statSync(path);
  expect([size, mode & 0o777]).toEqual([1 << 24, 0o600]);
  expect(blocks * 512).toBeLessThan(1 << 20);
  const content = readFileSync(path);
  expect(content.toString("latin1", 0, 7)).toBe("first\0\0");
  expect(content.toString("latin1", 8192, 8198)).toBe("second");
  await file.abort();
  expect(readdirSync(folder)).toEqual([]);
});

test("discarded, nothing is left", async () => {
  const file = await makeSparseFile(`${folder}/other`, 4096);
  await file.abort();
  await file.abort();
  expect(readdirSync(folder)).toEqual([]);
});

test("a file of holes never replaces another file", async () => {
  await makeHoles(`${folder}/holes`, 1 << 20);
  expect(statSync(`${folder}/holes`)).toMatchObject({ size: 1 << 20, blocks: 0 });
  await expect(makeHoles(`${folder}/holes`, 1)).rejects.toMatchObject({ code: "EEXIST" });
  expect(statSync(`${folder}/holes`).size).toBe(1 << 20);
});
