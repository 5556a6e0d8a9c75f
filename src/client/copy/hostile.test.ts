/** What a guest sends to get out of the target: whatever it is, nothing outside the target changes. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { archive, fifo, file, folder, type Member, symlink } from "../../formats/tar/testing/archive.ts";
import { errnoOf } from "../../host/errno.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { copyOut } from "./out.ts";
import { withGuest } from "./testing/fake-guest.ts";

const never = new AbortController().signal;

let base: ReturnType<typeof tempFolder>;
let outside = "";
let target = "";

beforeEach(() => {
  base = tempFolder("cp");
  outside = `${base.path}/outside`;
  target = `${base.path}/target`;
  fs.mkdirSync(`${outside}/inner`, { recursive: true });
  fs.writeFileSync(`${outside}/secret`, "secret", { mode: 0o600 });
  fs.mkdirSync(`${target}/sub`, { recursive: true });
  // links of the user's own in the target
  fs.symlinkSync("../outside", `${target}/out`);
  fs.symlinkSync("../outside/secret", `${target}/filelink`);
});
afterEach(() => base[Symbol.dispose]());

/** Everything outside the target, with what a write could change. */
function picture(path: string): string[] {
  if (path === target) return [];
  const stat = fs.lstatSync(path, { bigint: true });
  const line = `${path} ${stat.mode} ${stat.nlink} ${stat.size} ${stat.uid} ${stat.ino}`;
  if (stat.isDirectory()) {
    const names = fs.readdirSync(path).sort();
    // the folder around the target is the only one that a new name could change without a trace here
    return [`${line} ${stat.mtimeNs} ${names.join()}`, ...names.flatMap((name) => picture(`${path}/${name}`))];
  }
  return [`${line} ${stat.mtimeNs} ${stat.isFile() ? fs.readFileSync(path, "utf8") : fs.readlinkSync(path)}`];
}

function hardlink(name: string, link: string): Member {
  return { entry: { name, kind: "hardlink", mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 5, link } };
}

function device(name: string, kind: "character" | "block"): Member {
  return { entry: { ...file(name, "").entry, kind, device: { major: 1, minor: 3 } } };
}

const evil = (name: string) => file(name, "evil", 0o777);
const up = (name: string) => "../".repeat(40) + name;

/** `$OUT` is the absolute path of the folder outside. `inside`: it is taken as a name below the target, or resolved to one. */
const cases: [string, Member[], "inside" | "refused"][] = [
  ["one step up", [evil("../x")], "inside"],
  ["up and into a neighbour", [evil("../outside/secret")], "inside"],
  ["down, then up", [evil("a/../../x")], "inside"],
  ["down, then up and into a neighbour", [evil("sub/../../outside/secret")], "inside"],
  ["up after a dot", [evil("./../x")], "inside"],
  ["dots and ups in turns", [evil(".././.././x")], "inside"],
  ["doubled slashes", [evil("..//..//outside//secret")], "inside"],
  ["many steps up, in a pax record", [evil(up("tmp/banger-evil"))], "inside"],
  ["absolute", [evil("$OUT/secret")], "inside"],
  ["absolute with two slashes", [evil("/$OUT/secret")], "inside"],
  ["absolute with steps up", [evil("/../../..$OUT/x")], "inside"],
  ["a backslash is only a character", [evil("..\\x")], "inside"],
  ["a folder one step up, with a mode", [folder("../outside", 0o777)], "inside"],
  ["an absolute folder, with a mode", [folder("$OUT", 0o777)], "inside"],
  ["the folder above, with a mode", [folder("..", 0o777)], "inside"],
  ["the root, with a mode", [folder("/", 0o777)], "inside"],
  ["a file in the place of the target", [evil(".")], "refused"],
  ["a file in the place of the folder above", [evil("..")], "refused"],
  ["a file whose name ends with a slash", [evil("../")], "refused"],
  ["a link, then a file through it", [symlink("d", "$OUT"), evil("d/x")], "refused"],
  ["a relative link, then a file through it", [symlink("d", "../outside"), evil("d/secret")], "refused"],
  ["a link to the folder above, then a file through it", [symlink("d", ".."), evil("d/outside/secret")], "refused"],
  ["a link to the target itself, then a file through it", [symlink("d", "."), evil("d/x")], "refused"],
  ["two links, then a file through both", [symlink("b", "../outside"), symlink("a", "b"), evil("a/x")], "refused"],
  ["a link in a folder, then a file", [folder("f"), symlink("f/d", "../../outside"), evil("f/d/x")], "refused"],
  ["a link, then a folder in its place", [symlink("d", "$OUT"), folder("d", 0o777)], "refused"],
  ["a link, then a folder through it", [symlink("d", "$OUT"), folder("d/inner", 0o777)], "refused"],
  ["a link, then a link through it", [symlink("d", "$OUT"), symlink("d/l", "/etc")], "refused"],
  ["a link to a file, then that file", [symlink("f", "../outside/secret"), evil("f")], "inside"],
  ["a link to a new name, then that file", [symlink("f", "$OUT/new"), evil("f")], "inside"],
  ["a folder, then a link in its place", [folder("f"), evil("f/x"), symlink("f", "$OUT"), evil("f/y")], "refused"],
  ["an empty folder, then a link in its place", [folder("f"), symlink("f", "$OUT")], "refused"],
  ["through the user's own link", [evil("out/secret")], "refused"],
  ["a folder in the place of the user's own link", [folder("out", 0o777)], "refused"],
  ["a file in the place of the user's own link", [evil("out")], "inside"],
  ["a file in the place of the user's link to a file", [evil("filelink")], "inside"],
  ["a hard link to a file outside", [hardlink("h", "../outside/secret"), evil("h")], "refused"],
  ["a hard link to an absolute path", [hardlink("h", "$OUT/secret"), evil("h")], "refused"],
  ["a hard link through a link", [symlink("d", "$OUT"), hardlink("h", "d/secret"), evil("h")], "refused"],
  ["a hard link through the user's own link", [hardlink("h", "out/secret"), evil("h")], "refused"],
  ["a hard link to the user's link", [hardlink("h", "filelink"), evil("h")], "refused"],
  ["a hard link to a new link", [symlink("l", "$OUT/secret"), hardlink("h", "l")], "refused"],
  ["a hard link to a folder", [folder("f"), hardlink("h", "f")], "refused"],
  ["a hard link through the user's own link as its place", [evil("a"), hardlink("out/h", "a")], "refused"],
  ["a character device", [device("null", "character")], "refused"],
  ["a block device", [device("disk", "block")], "refused"],
  ["a FIFO", [fifo("pipe")], "refused"],
  ["a FIFO one step up", [fifo("../pipe")], "refused"],
  ["a name that is too long", [evil("x".repeat(256))], "refused"],
];

const withOut = (text: string) => text.replaceAll("$OUT", outside);

function membersOf(members: readonly Member[]): Member[] {
  return members.map(({ entry, ...rest }) => ({
    ...rest,
    entry: { ...entry, name: withOut(entry.name), link: withOut(entry.link) },
  }));
}

async function outcome(members: readonly Member[], source: string, to: string): Promise<string> {
  return withGuest({ files: { [source]: archive(members) } }, async (guest) => {
    try {
      await copyOut(guest, { source, target: to, isOneOfSeveral: false }, () => {}, never);
      return "inside";
    } catch (error) {
      const { code } = error as { code?: string };
      expect(["COPY_UNSAFE", "COPY_FAILED"]).toContain(code as string);
      expect(errnoOf(error)).toBeUndefined();
      return "refused";
    }
  });
}

test("there are at least 40 cases", () => expect(cases.length).toBeGreaterThanOrEqual(40));

test.each(cases)("%s", async (_, members, wanted) => {
  const before = picture(base.path);
  expect(await outcome([folder("./"), ...membersOf(members)], "/src/.", target)).toBe(wanted);
  expect(picture(base.path)).toEqual(before);
  expect(leftovers(target)).toEqual([]);
});

test.each(cases)("below a new folder: %s", async (_, members, wanted) => {
  fs.mkdirSync(`${target}/src`);
  fs.symlinkSync("../../outside", `${target}/src/out`);
  const before = picture(base.path);
  // links of the user's own are missing here, so that some of the same entries are harmless
  const result = await outcome([folder("./"), ...membersOf(members)], "/src", target);
  if (wanted === "inside") expect(result).toBe("inside");
  expect(picture(base.path)).toEqual(before);
  expect(leftovers(target)).toEqual([]);
});

/** Files that were not complete. */
function leftovers(path: string): string[] {
  return fs.readdirSync(path, { withFileTypes: true }).flatMap((one) => {
    if (one.isDirectory()) return leftovers(`${path}/${one.name}`);
    return one.name.includes(".banger-") ? [one.name] : [];
  });
}

const alone: [string, Member[]][] = [
  ["a second file", [evil("src"), evil("../outside/secret")]],
  ["a folder after the file", [evil("src"), folder("../outside", 0o777)]],
  ["a hard link", [hardlink("src", "../outside/secret")]],
  ["a device", [device("src", "character")]],
  ["a folder with a name", [folder("src"), evil("src/x")]],
];

test.each(alone)("where one file was asked for: %s is refused", async (_, members) => {
  const before = picture(base.path);
  expect(await outcome(members, "/src", target)).toBe("refused");
  expect(picture(base.path)).toEqual(before);
  expect(leftovers(target)).toEqual([]);
});

test("where one file was asked for, the host chooses its name", async () => {
  const before = picture(base.path);
  expect(await outcome([evil("../outside/secret")], "/src", target)).toBe("inside");
  expect(fs.readFileSync(`${target}/src`, "utf8")).toBe("evil");
  expect(picture(base.path)).toEqual(before);
});

test("where a folder's content was asked for, a file is refused", async () => {
  expect(await outcome([evil("src")], "/src/.", target)).toBe("refused");
  expect(fs.readdirSync(target).sort()).toEqual(["filelink", "out", "sub"]);
});

test("a file that replaces a hard link does not change the file's other names", async () => {
  const members = [folder("./"), file("a", "first"), hardlink("h", "a"), file("h", "second")];
  expect(await outcome(members, "/src/.", target)).toBe("inside");
  expect(fs.readFileSync(`${target}/a`, "utf8")).toBe("first");
  expect(fs.readFileSync(`${target}/h`, "utf8")).toBe("second");
});

test("setuid, setgid and sticky bits are dropped, from files and folders", async () => {
  const members = [folder("./"), folder("d", 0o7755), file("f", "x", 0o6755)];
  expect(await outcome(members, "/src/.", target)).toBe("inside");
  expect(fs.statSync(`${target}/d`).mode & 0o7777).toBe(0o755);
  expect(fs.statSync(`${target}/f`).mode & 0o7777).toBe(0o755);
});

test("a stream that ends in a file leaves nothing of that file, and what was complete before", async () => {
  const whole = archive([folder("./"), file("first", "1"), file("second", "x".repeat(100_000))]);
  fs.writeFileSync(`${target}/second`, "old");
  const cut = whole.slice(0, 50_000);
  const error = await withGuest({ files: { "/src/.": cut } }, (guest) =>
    copyOut(guest, { source: "/src/.", target, isOneOfSeveral: false }, () => {}, never).then(
      () => null,
      (thrown: unknown) => thrown,
    ),
  );
  expect(error).toMatchObject({ code: "COPY_UNSAFE", details: { problem: "it is cut short" } });
  expect(fs.readdirSync(target).sort()).toEqual(["filelink", "first", "out", "second", "sub"]);
  expect(fs.readFileSync(`${target}/second`, "utf8")).toBe("old");
});
