import { afterAll, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { byteTextOf, linkBeneath, listNames, lookAt, openBeneath, readBeneath, realPath, textOfBytes } from "./tree.ts";

const base = tempFolder("tree");
afterAll(() => base[Symbol.dispose]());

function bed(): string {
  const folder = fs.realpathSync(fs.mkdtempSync(`${base.path}/`));
  fs.mkdirSync(`${folder}/root/in`, { recursive: true });
  fs.mkdirSync(`${folder}/out`);
  fs.writeFileSync(`${folder}/root/in/file`, "inside");
  fs.writeFileSync(`${folder}/out/file`, "secret");
  fs.symlinkSync("../out", `${folder}/root/linked`);
  fs.symlinkSync("in/file", `${folder}/root/link`);
  fs.symlinkSync("target", `${folder}/out/link`);
  return folder;
}

const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString());

test("only files below the root, without links on the way, are read", () => {
  const root = `${bed()}/root`;
  expect(text(readBeneath(root, "in/file", 100))).toBe("inside");
  for (const path of ["linked/file", "link", "linked", "in", "none", "in/file/x", "../out/file", "in/../../out/file"]) {
    expect([path, readBeneath(root, path, 100)]).toEqual([path, null]);
  }
});

test("a link's target is read only if its folder is not a link", () => {
  const root = `${bed()}/root`;
  expect(linkBeneath(root, "link")).toBe("in/file");
  for (const path of ["linked/link", "in/file", "none", "none/x"])
    expect([path, linkBeneath(root, path)]).toEqual([path, null]);
});

test("a file over the limit is refused, one that is just as long is not", () => {
  const root = `${bed()}/root`;
  expect(text(readBeneath(root, "in/file", 6))).toBe("inside");
  expect(() => readBeneath(root, "in/file", 5)).toThrow(RangeError);
});

test("a fifo or a device does not block and is not a file", () => {
  const folder = bed();
  Bun.spawnSync(["mkfifo", `${folder}/root/pipe`]);
  expect(openBeneath(`${folder}/root`, "pipe")).toBeNull();
  expect(lookAt(`${folder}/root/pipe`)?.kind).toBe("special");
  expect(openBeneath("/dev", "null")).toBeNull();
});

test("names are bytes", () => {
  const folder = bed();
  fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/out/`), Buffer.from([0xff, 0x0a])]), "x");
  fs.writeFileSync(`${folder}/out/ü`, "y");
  expect(listNames(`${folder}/out`)).toEqual(["file", "link", "\xc3\xbc", "\xff\n"]);
  expect(text(readBeneath(`${folder}/out`, "\xff\n", 10))).toBe("x");
  expect(text(readBeneath(`${folder}/out`, byteTextOf("ü"), 10))).toBe("y");
});

test("no file descriptor stays open", () => {
  const root = `${bed()}/root`;
  const before = fs.readdirSync("/proc/self/fd").length;
  for (const path of ["in/file", "link", "linked/file", "in"]) readBeneath(root, path, 100);
  linkBeneath(root, "link");
  expect(fs.readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before);
});

test("paths that are not UTF-8 keep their bytes", () => {
  const text = "/some/caf\udce9";
  const path = byteTextOf(text);
  expect(path.endsWith("/caf\xe9")).toBe(true);
  expect(textOfBytes(path)).toBe(text);
});

test("lookAt and realPath", () => {
  const folder = bed();
  const kinds = ["root", "root/link", "root/in/file", "none", "root/in/file/x", "x".repeat(300)];
  expect(kinds.map((path) => lookAt(`${folder}/${path}`)?.kind ?? null)).toEqual([
    "folder",
    "link",
    "file",
    null,
    null,
    null,
  ]);
  expect(realPath(`${folder}/root/linked/.`)).toBe(`${folder}/out`);
  expect(() => realPath(`${folder}/none`)).toThrow();
});
