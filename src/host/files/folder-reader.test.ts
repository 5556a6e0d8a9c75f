import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { tempFolder } from "../testing/temp.ts";
import { FolderReader } from "./folder-reader.ts";
import type { OpenEntry } from "./tree.ts";

let base: ReturnType<typeof tempFolder>;
let root: string;
let reader: FolderReader;
beforeEach(() => {
  base = tempFolder("reader");
  root = `${base.path}/root`;
  fs.mkdirSync(`${root}/a/b`, { recursive: true });
  fs.mkdirSync(`${base.path}/outside/b`, { recursive: true });
  fs.writeFileSync(`${root}/a/b/file`, "inside");
  fs.writeFileSync(`${base.path}/outside/b/file`, "secret");
  fs.writeFileSync(`${base.path}/outside/file`, "secret");
  reader = new FolderReader(root);
});
afterEach(() => {
  reader.close();
  base[Symbol.dispose]();
});

function textOf(file: OpenEntry | null): string | null {
  if (file === null) return null;
  const buffer = new Uint8Array(100);
  const text = new TextDecoder().decode(buffer.subarray(0, file.read(buffer)));
  file.close();
  return text;
}
const read = (path: string) => textOf(reader.open(path));
const swap = (path: string, target: string) => {
  fs.renameSync(`${root}/${path}`, `${base.path}/moved`);
  fs.symlinkSync(target, `${root}/${path}`);
};

test("files, folders, and what is there", () => {
  expect(read("a/b/file")).toBe("inside");
  expect(reader.list("a")).toEqual(["b"]);
  expect(reader.look("a/b/file")).toMatchObject({ kind: "file", size: 6 });
  expect(reader.look("a")).toMatchObject({ kind: "folder" });
  expect([read("a"), read("a/none"), reader.list("a/b/file"), reader.look("none")]).toEqual([null, null, null, null]);
});

test.each(["", "/", "..", "a/..", "a/../../outside/file", "./a", "a//b", "/etc/passwd", "a/b/file\0"])(
  "%j is no path below the folder",
  (path) => {
    expect([read(path), reader.list(path), reader.look(path)]).toEqual([null, null, null]);
  },
);

test("a link is one, and is neither opened nor listed", () => {
  fs.symlinkSync("b/file", `${root}/a/to-file`);
  fs.symlinkSync("a", `${root}/to-folder`);
  expect(reader.look("a/to-file")).toMatchObject({ kind: "link" });
  expect([read("a/to-file"), reader.list("to-folder"), read("to-folder/b/file"), reader.look("to-folder/b")]).toEqual([
    null,
    null,
    null,
    null,
  ]);
});

test("a file that was swapped for a link is not followed", () => {
  expect(reader.look("a/b/file")?.kind).toBe("file");
  swap("a/b/file", `${base.path}/outside/file`);
  expect(read("a/b/file")).toBeNull();
});

test.each(["a", "a/b"])("the folder %s that was swapped for a link is not followed", (path) => {
  expect(reader.look(path)?.kind).toBe("folder");
  swap(path, `${base.path}/outside${path === "a" ? "" : "/b"}`);
  expect(fs.readFileSync(`${root}/a/b/file`, "utf8")).toBe("secret");
  expect([read("a/b/file"), reader.list("a/b"), reader.look("a/b/file")]).toEqual([null, null, null]);
});

test("the folder itself is the one that was opened, whatever has its name now", () => {
  fs.renameSync(root, `${base.path}/moved`);
  fs.symlinkSync(`${base.path}/outside`, root);
  expect(read("a/b/file")).toBe("inside");
  expect(reader.look("file")).toBeNull();
});

test("a FIFO does not block, a socket and a device are no files", async () => {
  Bun.spawnSync(["mkfifo", `${root}/fifo`]);
  const server = createServer().listen(`${root}/socket`);
  await new Promise((done) => server.once("listening", done));
  expect([reader.look("fifo")?.kind, read("fifo"), reader.look("socket")?.kind, read("socket")]).toEqual([
    "special",
    null,
    "special",
    null,
  ]);
  server.close();
});

test("names are bytes", () => {
  fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x41])]), "bytes");
  expect(reader.list("a/b")).toEqual(["file"]);
  expect(read("\xffA")).toBe("bytes");
});

test("no descriptor is left open", () => {
  const count = () => fs.readdirSync("/proc/self/fd").length;
  read("a/b/file");
  const before = count();
  for (const path of ["a/b/file", "a/b/none", "a/b/file/x", "a/b"]) {
    read(path);
    reader.list(path);
    reader.look(path);
  }
  expect(count()).toBe(before);
});
