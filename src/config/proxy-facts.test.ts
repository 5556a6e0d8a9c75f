/** Limits for the certificates that are read. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { tempFolder } from "../host/testing/temp.ts";
import { readProxyFacts, readTextOrNothing } from "./proxy-facts.ts";

test("a file of 4 MiB is read, and one byte more counts as absent", () => {
  using temp = tempFolder();
  const file = `${temp.path}/bundle.pem`;
  writeFileSync(file, "x".repeat(4_194_304));
  expect(readTextOrNothing(file)).toHaveLength(4_194_304);
  writeFileSync(file, "x".repeat(4_194_305));
  expect(readTextOrNothing(file)).toBe("");
});

test("at most 200 files of a folder are read", () => {
  using temp = tempFolder();
  const folder = `${temp.path}/added`;
  mkdirSync(folder);
  const read = () => readProxyFacts({}, { bundles: [], addedFolders: [folder] }).added.length;
  for (let at = 0; at < 200; at++) writeFileSync(`${folder}/${at}.crt`, "");
  expect(read()).toBe(200);
  writeFileSync(`${folder}/200.crt`, "");
  expect(read()).toBe(200);
});
