import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { ownUid } from "./owner.ts";
import { readRootFile } from "./root-file.ts";

/** A file with that mode, read as if this user were root. */
function reading(mode: number, text = "text", max = 10) {
  using folder = tempFolder();
  const path = `${folder.path}/file`;
  fs.writeFileSync(path, text);
  fs.chmodSync(path, mode);
  return readRootFile(path, max, ownUid());
}

test("a file that only its owner can write is read", () => {
  expect(reading(0o644)).toEqual({ text: "text" });
});

test("what others can write, what is too long, and what is no file is not believed", () => {
  expect(reading(0o664)).toEqual({ problem: "others than root may write to it" });
  expect(reading(0o646)).toEqual({ problem: "others than root may write to it" });
  expect(reading(0o644, "x".repeat(11))).toEqual({ problem: "it is longer than 10 bytes" });
  using folder = tempFolder();
  expect(readRootFile(folder.path, 10, ownUid())).toEqual({ problem: "it is not a file" });
  fs.symlinkSync("/etc/passwd", `${folder.path}/link`);
  expect(readRootFile(`${folder.path}/link`, 10)).toEqual({ problem: "it is a symbolic link" });
});

test("nobody else's file is believed", () => {
  using folder = tempFolder();
  const path = `${folder.path}/file`;
  fs.writeFileSync(path, "text");
  if (ownUid() === 0) fs.chownSync(path, 65_534, 65_534);
  const owner = ownUid() === 0 ? 65_534 : ownUid();
  expect(readRootFile(path, 10)).toEqual({ problem: `it belongs to uid ${owner}, not to root` });
});

test("a missing file is none", () => {
  expect(readRootFile("/nonexistent/install.json", 10)).toBeNull();
  expect(readRootFile("/etc/passwd/install.json", 10)).toBeNull();
});
