import { afterAll, expect, test } from "bun:test";
import * as fs from "node:fs";
import { BangerError } from "../base/errors/error.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { loadConfig } from "./load.ts";

const base = tempFolder("config");
afterAll(() => base[Symbol.dispose]());

const folder = fs.mkdtempSync(`${base.path}/`);

async function problemOf(file: string): Promise<string> {
  const error = await loadConfig({ file }).catch((each) => each);
  expect(error).toBeInstanceOf(BangerError);
  expect(error.code).toBe("CONFIG_INVALID");
  return error.details.problems[0];
}

test("a missing file gives the defaults", async () => {
  expect((await loadConfig({ file: `${folder}/none.toml` })).inheritProxy).toBe(true);
});

test("a file is read", async () => {
  fs.writeFileSync(`${folder}/a.toml`, "[vm_defaults]\nvcpu = 2\n");
  expect((await loadConfig({ file: `${folder}/a.toml` })).vmDefaults).toEqual({ vcpu: 2 });
});

test("a folder, a huge file and a path below a file are reported", async () => {
  expect(await problemOf(folder)).toContain("folder");
  fs.writeFileSync(`${folder}/huge.toml`, "#".repeat(300 * 1024));
  expect(await problemOf(`${folder}/huge.toml`)).not.toBe("");
});

test("a file of 256 KiB is read, and one byte more refused", async () => {
  const file = `${folder}/limit.toml`;
  fs.writeFileSync(file, "#".repeat(262_144));
  expect((await loadConfig({ file })).inheritProxy).toBe(true);
  fs.writeFileSync(file, "#".repeat(262_145));
  expect(await problemOf(file)).toBe("is longer than 262144 bytes");
});
