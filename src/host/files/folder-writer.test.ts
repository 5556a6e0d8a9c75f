/** What is written below a folder, and what stays when it is not finished. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { FolderWriter } from "./folder-writer.ts";

let base: ReturnType<typeof tempFolder>;
let to: FolderWriter;

beforeEach(() => {
  base = tempFolder("w");
  to = new FolderWriter(base.path);
});
afterEach(() => {
  to.close();
  base[Symbol.dispose]();
});

const bytes = (text: string) => new TextEncoder().encode(text);
const at = (name: string) => `${base.path}/${name}`;

function write(path: string, text: string, mode = 0o644, mtimeNs = 0n): void {
  const file = to.startFile(path);
  file.write(bytes(text));
  file.finish(mode, mtimeNs);
}

test("a file has its mode and its time to the nanosecond, before 1970 too", () => {
  const now = 1_700_000_000_123_456_789n;
  for (const time of [now, 0n, -1n, -1_500_000_000n, 4_102_444_800_000_000_001n]) {
    write("f", "text", 0o640, time);
    const stat = fs.statSync(at("f"), { bigint: true });
    expect([stat.mtimeNs, Number(stat.mode) & 0o7777]).toEqual([time, 0o640]);
  }
  expect(fs.readFileSync(at("f"), "utf8")).toBe("text");
});

test("a time that no file system has is not an error", () => {
  write("f", "", 0o600, 10n ** 40n);
  write("f", "", 0o600, -(10n ** 40n));
  expect(fs.existsSync(at("f"))).toBe(true);
});

test("special bits are never set", () => {
  write("f", "", 0o6777);
  to.makeFolder("d");
  to.finishFolder("d", 0o7777, 0n);
  expect(["f", "d"].map((name) => fs.statSync(at(name)).mode & 0o7777)).toEqual([0o777, 0o777]);
});

test("a file has its name when it is finished; until then the old one has it, and dropping leaves that", () => {
  write("f", "old");
  const file = to.startFile("f");
  file.write(bytes("new"));
  expect(fs.readFileSync(at("f"), "utf8")).toBe("old");
  file.drop();
  file.drop();
  expect(fs.readdirSync(base.path)).toEqual(["f"]);
  expect(fs.readFileSync(at("f"), "utf8")).toBe("old");
});

test("a file can be finished after another folder was written to", () => {
  const file = to.startFile("a/f");
  write("b/g", "other");
  file.write(bytes("text"));
  file.finish(0o600, 0n);
  expect(fs.readFileSync(at("a/f"), "utf8")).toBe("text");
});

test("holes are kept as holes", () => {
  const file = to.startFile("f");
  file.skip(1 << 20);
  file.write(bytes("x"));
  file.skip(1 << 20);
  file.finish(0o600, 0n);
  const { size, blocks } = fs.statSync(at("f"));
  expect(size).toBe((2 << 20) + 1);
  expect(blocks * 512).toBeLessThan(1 << 20);
});

test("links and files replace links and files, not folders", () => {
  fs.mkdirSync(at("d"));
  fs.symlinkSync("nowhere", at("l"));
  write("l", "file");
  expect(fs.lstatSync(at("l")).isFile()).toBe(true);
  to.makeLink("l", "there", 5_000_000_001n);
  expect([fs.readlinkSync(at("l")), fs.lstatSync(at("l"), { bigint: true }).mtimeNs]).toEqual([
    "there",
    5_000_000_001n,
  ]);
  expect(() => to.makeLink("d", "x", 0n)).toThrow(expect.objectContaining({ code: "EISDIR" }));
  expect(() => write("d", "x")).toThrow(expect.objectContaining({ code: "EISDIR" }));
  expect(fs.readdirSync(base.path).sort()).toEqual(["d", "l"]);
});

test("a hard link is a second name; to itself it is nothing, and to a link or a folder it is refused", () => {
  write("f", "text");
  to.makeHardLink("d/g", "f");
  to.makeHardLink("d/g", "f");
  to.makeHardLink("f", "f");
  expect(fs.statSync(at("f")).ino).toBe(fs.statSync(at("d/g")).ino);
  fs.symlinkSync("f", at("l"));
  for (const from of ["l", "d", ""]) expect(() => to.makeHardLink("h", from)).toThrow("target of a hard link");
  expect(() => to.makeHardLink("h", "none")).toThrow(expect.objectContaining({ code: "ENOENT" }));
  expect(fs.readdirSync(base.path).sort()).toEqual(["d", "f", "l"]);
});

test.each(["..", "a/../b", "/a", "a//b", ".", "a/", "a\0b"])("%p is not a path below it", (path) => {
  expect(() => to.startFile(path)).toThrow("is not a path below the target");
  expect(() => to.makeFolder(path)).toThrow("is not a path below the target");
});

test("no link is followed on the way, and none at the end of a folder's path", () => {
  using other = tempFolder("o");
  fs.symlinkSync(other.path, at("l"));
  for (const act of [() => to.startFile("l/x"), () => to.makeFolder("l"), () => to.makeFolder("l/x")])
    expect(act).toThrow("leads through a link or a file");
  expect(() => to.finishFolder("l", 0o777, 0n)).toThrow("leads through a link or a file");
  expect(fs.readdirSync(other.path)).toEqual([]);
});

test("a folder that is moved away while it is written to takes the file with it", () => {
  const file = to.startFile("d/f");
  fs.renameSync(at("d"), at("moved"));
  fs.symlinkSync("/", at("d"));
  file.finish(0o600, 0n);
  expect(fs.readdirSync(at("moved"))).toEqual(["f"]);
});

test("names of any bytes", () => {
  const name = "\xff\xc3\n";
  write(`d${name}/${name}`, "text");
  to.makeLink(`l${name}`, name, 0n);
  const names = fs.readdirSync(base.path, { encoding: "buffer" }).map((one) => one.toString("latin1"));
  expect(names.sort()).toEqual([`d${name}`, `l${name}`]);
  const link = Buffer.from(`${base.path}/l${name}`, "latin1");
  expect(fs.readlinkSync(link, { encoding: "buffer" }).toString("latin1")).toBe(name);
});

test("no descriptor stays open", () => {
  const before = fs.readdirSync("/proc/self/fd").length;
  const more = new FolderWriter(base.path);
  for (let at = 0; at < 20; at++) {
    const file = more.startFile(`a/b/${at}/f`);
    if (at % 2) file.finish(0o600, 0n);
    else file.drop();
    more.makeFolder(`c/${at}`);
    more.finishFolder(`c/${at}`, 0o700, 0n);
    expect(() => more.makeHardLink("x", "a/none")).toThrow();
  }
  expect(() => more.makeFolder("a/b/1/f/x")).toThrow();
  more.close();
  expect(fs.readdirSync("/proc/self/fd").length).toBe(before);
});

test("files and empty folders are removed, never through a link", () => {
  write("a/b/f", "x");
  write("outside/f", "x");
  fs.symlinkSync("outside", at("link"));
  expect(() => to.remove("link/f")).toThrow("leads through a link");
  expect(() => to.removeEmptyFolder("link/x")).toThrow("leads through a link");
  expect(() => to.remove("../x")).toThrow("is not a path below the target");
  expect(to.removeEmptyFolder("a/b")).toBe(false);
  to.remove("a/b/f");
  expect([to.removeEmptyFolder("a/b"), to.removeEmptyFolder("a")]).toEqual([true, true]);
  to.remove("link");
  expect(fs.readdirSync(base.path)).toEqual(["outside"]);
  write("a/again", "x");
  expect(fs.readFileSync(at("a/again"), "utf8")).toBe("x");
});

test("a file is replaced under its lock, and not while somebody else has that", () => {
  write("refs/main", "old");
  expect(to.replaceLocked("refs/main", "refs/main.lock", bytes("new"))).toBe(true);
  expect(fs.readFileSync(at("refs/main"), "utf8")).toBe("new");
  expect(fs.readdirSync(at("refs"))).toEqual(["main"]);
  write("refs/main.lock", "theirs");
  expect(to.replaceLocked("refs/main", "refs/main.lock", bytes("newer"))).toBe(false);
  expect(fs.readFileSync(at("refs/main"), "utf8")).toBe("new");
  expect(fs.readFileSync(at("refs/main.lock"), "utf8")).toBe("theirs");
});

test("unfinished files carry the mark that was given", () => {
  const marked = new FolderWriter(base.path, "0123abcd");
  const file = marked.startFile("f");
  expect(fs.readdirSync(base.path)).toEqual([".banger-0123abcd-0.part"]);
  file.drop();
  marked.close();
});
