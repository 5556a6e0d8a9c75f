import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { editUserFile } from "./user-file.ts";

test("a link stays a link, and the file's mode and bytes stay", async () => {
  using folder = tempFolder();
  const [link, file] = [`${folder.path}/config`, `${folder.path}/dotfiles`];
  fs.writeFileSync(file, Buffer.from([0xff, 0x0a]), { mode: 0o640 });
  fs.symlinkSync("dotfiles", link);
  expect(await editUserFile(link, (text) => `x\n${text}`)).toBe(true);
  expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
  expect([...fs.readFileSync(file)]).toEqual([0x78, 0x0a, 0xff, 0x0a]);
  expect(fs.statSync(file).mode & 0o777).toBe(0o640);
});

test("a file that is not there is made for its user alone, behind a link too, and goes again", async () => {
  using folder = tempFolder();
  fs.symlinkSync("elsewhere", `${folder.path}/config`);
  for (const path of [`${folder.path}/.ssh/config`, `${folder.path}/config`]) {
    expect(await editUserFile(path, (text) => (text === null ? "new\n" : text))).toBe(true);
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
    expect(await editUserFile(path, (text) => text)).toBe(false);
    expect(await editUserFile(path, () => null)).toBe(true);
    expect(fs.existsSync(path)).toBe(false);
  }
  expect(fs.statSync(`${folder.path}/.ssh`).mode & 0o777).toBe(0o700);
  expect(fs.lstatSync(`${folder.path}/config`).isSymbolicLink()).toBe(true);
});

test("nothing is written when the change is refused", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/config`;
  fs.writeFileSync(path, "as it was");
  const refused = editUserFile(path, () => {
    throw new Error("odd");
  });
  await expect(refused).rejects.toThrow("odd");
  expect(fs.readFileSync(path, "utf8")).toBe("as it was");
  expect(fs.readdirSync(folder.path)).toEqual(["config"]);
});
