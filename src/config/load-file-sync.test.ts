import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tempFolder } from "../host/testing/temp.ts";
import { loadFileSync } from "./load-file-sync.ts";

let base: ReturnType<typeof tempFolder>;
beforeEach(() => {
  base = tempFolder("config");
});
afterEach(() => base[Symbol.dispose]());

function load(text: string | null) {
  const file = `${base.path}/config.toml`;
  if (text !== null) fs.writeFileSync(file, text);
  return loadFileSync({ file });
}

test("no file, and one without entries", async () => {
  expect(await load(null)).toEqual([]);
  expect(await load('vmm = "auto"\n')).toEqual([]);
  // the daemon reports what is wrong with the rest
  expect(await load("not TOML")).toEqual([]);
});

test("entries, however the key is written", async () => {
  const entry = { host: "~/a", guest: "~/b", mode: null, required: false };
  expect(await load("[[file_sync]]\nhost = '~/a'\nguest = '~/b'\n")).toEqual([entry]);
  expect(await load("[[\"file\\u005Fsync\"]]\nhost = '~/a'\nguest = '~/b'\n")).toEqual([entry]);
});

test("problems are reported, also of a file that can't be read", async () => {
  expect(load("[[file_sync]]\nhost = 'a'\nguest = '~/b'\n")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  fs.rmSync(`${base.path}/config.toml`);
  fs.mkdirSync(`${base.path}/config.toml`);
  expect(load(null)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});
