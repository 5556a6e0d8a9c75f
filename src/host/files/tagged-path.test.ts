import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { splitTag } from "./tagged-path.ts";

test("a suffix is a tag only if no file has the whole name", async () => {
  using temp = tempFolder();
  const at = (name: string) => `${temp.path}/${name}`;
  mkdirSync(at("layout"));
  writeFileSync(at("a:b"), "");
  expect(await splitTag(at("layout:v1.0"))).toEqual({ file: at("layout"), tag: "v1.0" });
  for (const name of ["a:b", "layout", "none:v1", "layout:v1/x"])
    expect(await splitTag(at(name))).toEqual({ file: at(name) });
});
