/** Copies both ways with a guest in memory: where they go, what is asked of the guest, and what each failure says. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import type { TarEntry } from "../../formats/tar/header.ts";
import { TarScanner } from "../../formats/tar/scanner.ts";
import { anyTar, archive, file, folder, symlink } from "../../formats/tar/testing/archive.ts";
import { encodeExactHeader, endOfArchive } from "../../formats/tar/writer.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import type { WorkEvent } from "../../model/event.ts";
import { workspaceTar } from "../../workspace/stream.ts";
import { copyIn, copyTarIn } from "./into.ts";
import { copyOut, tarOut } from "./out.ts";
import { type FakeFiles, withGuest } from "./testing/fake-guest.ts";

const never = new AbortController().signal;
const packer = { workspaceTar };

let base: ReturnType<typeof tempFolder>;
const at = (name: string) => `${base.path}/${name}`;

beforeEach(() => {
  base = tempFolder("cp");
});
afterEach(() => base[Symbol.dispose]());

type Put = { path: unknown; ids: unknown[]; entries: TarEntry[] };

async function into(sources: string[], target: string, files: FakeFiles = {}, signal = never) {
  const puts: Put[] = [];
  const events: WorkEvent[] = [];
  const onPut: FakeFiles["onPut"] = (request, tar) => {
    const entries: TarEntry[] = [];
    const sink = { entry: (entry: TarEntry) => void entries.push(entry), data() {}, padding() {} };
    new TarScanner(sink, anyTar, true).push(tar);
    puts.push({ path: request["path"], ids: [request["uid"], request["gid"]], entries });
  };
  const copied = await withGuest({ onPut, ...files }, (guest) =>
    copyIn(
      packer,
      { ...guest, user: { uid: 7, gid: 8, home: "/home/app" } },
      { sources, target },
      (event) => void events.push(event),
      signal,
    ),
  );
  return { copied, puts, events };
}

const out = (source: string, target: string, files: FakeFiles, isOneOfSeveral = false) => {
  const events: WorkEvent[] = [];
  return withGuest(files, (guest) =>
    copyOut(guest, { source, target, isOneOfSeveral }, (event) => void events.push(event), never),
  ).then((copied) => ({ copied, events }));
};

const names = (put: Put | undefined) => put?.entries.map(({ name, kind }) => `${kind} ${name}`);

test("a file into the home of the guest's user: its owner, mode and time", async () => {
  fs.writeFileSync(at("run.sh"), "echo", { mode: 0o755 });
  fs.utimesSync(at("run.sh"), 1_600_000_000, 1_600_000_000);
  const { puts, copied, events } = await into([at("run.sh")], "");
  expect(puts).toMatchObject([{ path: "/home/app/", ids: [7, 8] }]);
  expect(puts[0]?.entries).toMatchObject([
    { name: "run.sh", kind: "file", mode: 0o755, size: 4, mtime: 1_600_000_000 },
  ]);
  expect(copied).toEqual({ entries: 1, bytes: 4 });
  expect(events.at(-1)).toMatchObject({ kind: "progress", done: 4, total: 4 });
});

test("a relative path starts from the home, an absolute one does not", async () => {
  fs.writeFileSync(at("f"), "");
  expect((await into([at("f")], "work")).puts[0]?.path).toBe("/home/app/work");
  expect((await into([at("f")], "/srv")).puts[0]?.path).toBe("/srv");
});

test("a file under a new name in the folder above it, when the target is missing or a file", async () => {
  fs.writeFileSync(at("f"), "x");
  for (const errno of ["ENOENT", "ENOTDIR"]) {
    const { puts } = await into([at("f")], "/srv/new", { refusals: { "/srv/new": errno } });
    expect([puts[0]?.path, names(puts[0])]).toEqual(["/srv", ["file new"]]);
  }
});

test("a folder, its content, and a folder under a new name", async () => {
  fs.mkdirSync(at("d/sub"), { recursive: true });
  fs.writeFileSync(at("d/sub/f"), "x");
  fs.symlinkSync("/etc", at("d/link"));
  const below = (name: string) => [`symlink ${name}link`, `folder ${name}sub`, `file ${name}sub/f`];
  expect(names((await into([at("d")], "/srv")).puts[0])).toEqual(["folder d", ...below("d/")]);
  expect(names((await into([at("d/")], "/srv")).puts[0])).toEqual(["folder d", ...below("d/")]);
  // the folder's own mode must not become the target's
  expect(names((await into([at("d/.")], "/srv")).puts[0])).toEqual(below(""));
  const renamed = await into([at("d")], "/srv/new/", { refusals: { "/srv/new/": "ENOENT" } });
  expect([renamed.puts[0]?.path, names(renamed.puts[0])]).toEqual(["/srv", ["folder new", ...below("new/")]]);
});

test("a link is copied as one, and followed where a folder is asked for", async () => {
  fs.mkdirSync(at("d"));
  fs.writeFileSync(at("d/f"), "x");
  fs.symlinkSync("d", at("l"));
  expect((await into([at("l")], "/srv")).puts[0]?.entries).toMatchObject([{ kind: "symlink", name: "l", link: "d" }]);
  expect(names((await into([at("l/")], "/srv")).puts[0])).toEqual(["folder l", "file l/f"]);
});

test("several sources go into one folder, in one stream", async () => {
  fs.writeFileSync(at("a"), "1");
  fs.mkdirSync(at("b"));
  const { puts } = await into([at("a"), at("b")], "/srv");
  expect(puts.map(names)).toEqual([["file a", "folder b"]]);
});

test("names of any bytes; sockets and FIFOs are left out with a warning", async () => {
  fs.mkdirSync(at("d"));
  fs.writeFileSync(Buffer.from(at("d/\xff\n"), "latin1"), "x");
  Bun.spawnSync(["mkfifo", at("d/pipe")]);
  const { puts, events } = await into([at("d")], "/srv");
  expect(names(puts[0])).toEqual(["folder d", "file d/\xff\n"]);
  expect(events).toContainEqual({
    kind: "note",
    level: "warn",
    text: `left out, as no file, folder or link: ${at("d/pipe")}`,
  });
});

test.each([
  [["none"], "/srv", {}, "COPY_MISSING", "none does not exist", "VM:PATH"],
  [
    ["f"],
    "/srv/no/",
    { "/srv/no/": "ENOENT" },
    "COPY_TARGET",
    "there is no such folder",
    "`banger vm exec box -- mkdir -p /srv/no/`",
  ],
  [
    ["d"],
    "/srv/f",
    { "/srv/f": "ENOTDIR" },
    "COPY_TARGET",
    "the target is a file, and a folder is needed",
    "name a folder",
  ],
  [["f", "d"], "/srv/f", { "/srv/f": "ENOTDIR" }, "COPY_TARGET", "the target is a file", "name a folder"],
  [["f", "d"], "/no", { "/no": "ENOENT" }, "COPY_TARGET", "there is no such folder", "mkdir -p /no`"],
  [
    ["f"],
    "/no/x",
    { "/no/x": "ENOENT", "/no": "ENOENT" },
    "COPY_MISSING",
    "box:/no does not exist",
    "`banger vm exec box -- mkdir -p /no`",
  ],
  [
    ["f"],
    "/f/x",
    { "/f/x": "ENOTDIR", "/f": "ENOTDIR" },
    "COPY_FAILED",
    "it is a file, and a folder is needed",
    "name another target",
  ],
  [
    ["f"],
    "/ro",
    { "/ro": "EACCES" },
    "COPY_FAILED",
    "copying box:/ro failed: permission denied",
    "run the same command again",
  ],
])("%p into %s with %p", async (sources, target, refusals, code, message, hint) => {
  fs.writeFileSync(at("f"), "x");
  fs.mkdirSync(at("d"));
  const paths = sources.map(at);
  const failure = await into(paths, target, { refusals: refusals as Record<string, string> }).then(
    () => null,
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({
    code,
    message: expect.stringContaining(message),
    hint: expect.stringContaining(hint),
  });
});

test("the signal ends it with its own reason", async () => {
  fs.writeFileSync(at("f"), "x");
  const reason = new Error("enough");
  await expect(into([at("f")], "/srv", {}, AbortSignal.abort(reason))).rejects.toBe(reason);
});

const tree = archive([folder("./", 0o750), folder("sub", 0o700), file("sub/f", "text", 0o640), symlink("l", "sub/f")]);

function listing(path: string): string[] {
  return fs.readdirSync(path, { recursive: true }).map(String).sort();
}

test("a folder out: beside others in an existing folder, under a new name, or only its content", async () => {
  fs.mkdirSync(at("dst"), { mode: 0o711 });
  const inside = ["l", "sub", "sub/f"];
  const files = { files: { "/srv/src": tree, "/srv/src/.": tree } };
  expect((await out("/srv/src", at("dst"), files)).copied).toEqual({ entries: 4, bytes: 4 });
  expect(listing(at("dst/src"))).toEqual(inside);
  expect(fs.statSync(at("dst/src")).mode & 0o777).toBe(0o750);
  await out("/srv/src", at("new"), files);
  expect(listing(at("new"))).toEqual(inside);
  await out("/srv/src/.", at("dst"), files);
  expect(listing(at("dst"))).toEqual([...inside, "src", "src/l", "src/sub", "src/sub/f"].sort());
  // only its content was asked for
  expect(fs.statSync(at("dst")).mode & 0o777).toBe(0o711);
  const { mode, mtimeMs } = fs.statSync(at("dst/sub/f"));
  expect([mode & 0o777, mtimeMs]).toEqual([0o640, 1_700_000_000_000]);
  expect(fs.statSync(at("dst/sub")).mtimeMs).toBe(1_700_000_000_000);
});

test("a file out: into a folder, under a new name, over a file, and where a link leads", async () => {
  const files = { files: { "/root/f": archive([file("f", "text")]) } };
  fs.mkdirSync(at("dst"));
  await out("f", at("dst"), files);
  await out("f", at("new"), files);
  fs.writeFileSync(at("old"), "old");
  fs.symlinkSync("old", at("link"));
  await out("f", at("link"), files);
  expect(["dst/f", "new", "old"].map((name) => fs.readFileSync(at(name), "utf8"))).toEqual(["text", "text", "text"]);
  expect(fs.readlinkSync(at("link"))).toBe("old");
  expect(listing(base.path)).toEqual(["dst", "dst/f", "link", "new", "old"]);
});

test("times to the nanosecond", async () => {
  const time = 1_700_000_000_123_456_789n;
  const head = encodeExactHeader(file("f", "").entry, time);
  await out("f", at("f"), { files: { "/root/f": new Uint8Array(Buffer.concat([head, endOfArchive])) } });
  expect(fs.statSync(at("f"), { bigint: true }).mtimeNs).toBe(time);
});

test("one file has a bar, a folder has none", async () => {
  const one = await out("f", at("f"), { files: { "/root/f": archive([file("f", "text")]) } });
  expect(one.events).toContainEqual({ kind: "progress", step: "copy", text: "copying box:f", done: 4, total: 4 });
  const many = await out("src", at("src"), { files: { "/root/src": tree } });
  expect(many.events).toContainEqual({ kind: "progress", step: "copy", text: "copying box:src" });
});

const served = { files: { "/root/f": archive([file("f", "text")]), "/root/d": tree, "/root/dev": archive([]) } };

test.each([
  ["none", ".", false, "COPY_MISSING", "box:none does not exist", "`banger vm exec box -- ls -la .`"],
  ["/no/x", ".", false, "COPY_MISSING", "box:/no/x does not exist", "ls -la /no`"],
  ["f", "new/", false, "COPY_TARGET", "there is no such folder", "`mkdir -p "],
  ["d", "file", false, "COPY_TARGET", "the target is a file, and a folder is needed", "name a folder"],
  ["f", "new", true, "COPY_TARGET", "there is no such folder", "`mkdir -p "],
  ["f", "no/x", false, "COPY_MISSING", "no does not exist", "`mkdir -p "],
  ["f", "file/x", false, "COPY_MISSING", "file does not exist", "`mkdir -p "],
  ["dev", ".", false, "COPY_FAILED", "it is no file, folder or link", "name another path"],
])("%s to %s (several: %p)", async (source, target, several, code, message, hint) => {
  fs.writeFileSync(at("file"), "old");
  const failure = await out(source, `${base.path}/${target}`, served, several).then(
    () => null,
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({
    code,
    message: expect.stringContaining(message),
    hint: expect.stringContaining(hint),
  });
  expect(listing(base.path)).toEqual(["file"]);
});

test("a tar goes in as it is and comes out as it is", async () => {
  const tars: Uint8Array[] = [];
  const onPut: FakeFiles["onPut"] = (_, tar) => void tars.push(tar);
  await withGuest({ onPut, files: { "/root/d": tree } }, async (guest) => {
    const feed = (onChunk: (chunk: Uint8Array) => Promise<void>, onEnd: () => void) => {
      void onChunk(tree).then(onEnd);
      return { stop() {} };
    };
    await copyTarIn(guest, "", feed, never);
    const chunks = [];
    for await (const chunk of tarOut(guest, "d", never)) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(tree)).toBe(true);
    await expect(tarOut(guest, "none", never).next()).rejects.toMatchObject({ code: "COPY_MISSING" });
  });
  expect(tars.map((tar) => Buffer.from(tar).equals(tree))).toEqual([true]);
});

test("a tar needs a folder", async () => {
  const feed = () => ({ stop() {} });
  await withGuest({ refusals: { "/no": "ENOENT", "/f": "ENOTDIR" } }, async (guest) => {
    await expect(copyTarIn(guest, "/no", feed, never)).rejects.toMatchObject({
      code: "COPY_TARGET",
      hint: "make it first: `banger vm exec box -- mkdir -p /no`",
    });
    await expect(copyTarIn(guest, "/f", feed, never)).rejects.toMatchObject({ code: "COPY_TARGET" });
  });
});
