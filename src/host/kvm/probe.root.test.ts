import { expect } from "bun:test";
import * as fs from "node:fs";
import { withoutFileOverrides } from "../libc.ts";
import { gatedTest } from "../testing/gate.ts";
import { tempFolder } from "../testing/temp.ts";

gatedTest("root", "root looks with the rights of its VMMs, which have no capabilities, and has its own again", () => {
  using folder = tempFolder();
  const path = `${folder.path}/device`;
  fs.writeFileSync(path, "", { mode: 0o660 });
  fs.chownSync(path, 12_345, 12_345);
  const open = () => fs.closeSync(fs.openSync(path, "r+"));
  expect(() => withoutFileOverrides(open)).toThrow(/EACCES/);
  expect(open).not.toThrow();
});
