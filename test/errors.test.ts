/** Error codes are an interface: none is ever removed, and their page matches the program. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { errorsDocument } from "../scripts/errors-doc.ts";
import { catalog } from "../src/base/errors/catalog.ts";

const file = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");

test("no error code is ever removed", () => {
  const known = file("error-codes.txt").trim().split("\n");
  expect(known.filter((code) => !(code in catalog))).toEqual([]);
  expect(Object.keys(catalog).filter((code) => !known.includes(code))).toEqual([]);
});

test("docs/errors.md is the output of scripts/errors-doc.ts", () => {
  expect(file("../docs/errors.md")).toBe(errorsDocument());
});
