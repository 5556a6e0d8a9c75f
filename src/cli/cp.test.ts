/** Transcripts of `vm cp`. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { type FakeFiles, fakeVerbs } from "../client/copy/testing/fake-guest.ts";
import { archive, file, folder } from "../formats/tar/testing/archive.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { workspaceTar } from "../workspace/stream.ts";
import type { CliContext } from "./context.ts";
import { type CallOptions, cliWorlds } from "./testing/cli.ts";

const world = cliWorlds();

let base: ReturnType<typeof tempFolder>;
beforeEach(() => {
  base = tempFolder("cp");
  fs.writeFileSync(`${base.path}/f`, "text");
});
afterEach(() => base[Symbol.dispose]());

const passwd = "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n";

const change = (context: CliContext) => void Object.assign(context, { workspaceTar });

async function boxed(files: FakeFiles = {}) {
  const puts: string[] = [];
  const onPut: FakeFiles["onPut"] = ({ path, uid, gid }, tar) =>
    void puts.push(`${path} ${uid}:${gid} ${tar.length > 512}`);
  const all = { "/etc/passwd": archive([file("passwd", passwd)]), ...files.files };
  const { cli } = await world({ verbs: fakeVerbs({ onPut, ...files, files: all }) });
  await cli("vm create --name box");
  await cli("vm start box");
  return { puts, cp: (line: string, options: CallOptions = {}) => cli(`vm cp ${line}`, { change, ...options }) };
}

test("in and out: what was copied is said on stderr, and as JSON", async () => {
  const { cp, puts } = await boxed({ files: { "/root/d": archive([folder("./"), file("x", "12345")]) } });
  expect(await cp(`${base.path}/f box:`)).toEqual({
    code: 0,
    stdout: "",
    stderr: expect.stringContaining("copied 1 file, 4 B\n"),
  });
  expect(puts).toEqual(["/root/ 0:0 true"]);
  expect(await cp(`box:d ${base.path}/new --json`)).toMatchObject({
    code: 0,
    stdout: '{\n  "entries": 2,\n  "bytes": 5\n}\n',
  });
  expect(fs.readFileSync(`${base.path}/new/x`, "utf8")).toBe("12345");
});

test("another user's home, and that user's files", async () => {
  const { cp, puts } = await boxed();
  expect(await cp(`-u app ${base.path}/f box:work/`)).toMatchObject({ code: 0 });
  expect(puts).toEqual(["/home/app/work/ 1000:1001 true"]);
  expect(await cp(`--user nobody ${base.path}/f box:`)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no user is named "nobody"'),
  });
});

test("a tar on stdin and on stdout, never a terminal's", async () => {
  const tar = archive([folder("./"), file("x", "12345")]);
  const { cp, puts } = await boxed({ files: { "/root/d": tar } });
  expect(await cp("- box:/srv", { stdin: "not looked at here" })).toMatchObject({ code: 0 });
  expect(puts).toEqual(["/srv 0:0 false"]);
  expect((await cp("box:d -")).stdout).toBe(new TextDecoder().decode(tar));
  for (const line of ["- box:/srv", "box:d -"])
    expect(await cp(line, { terminal: true })).toMatchObject({ code: 2, stderr: expect.stringContaining("terminal") });
});

test.each([
  ["box:a", 2, "a source and a target are needed"],
  ["a b", 2, "neither the source nor the target is in a VM"],
  ["a none:b", 3, 'no VM is named "none"'],
  ["box:none .", 3, "box:none does not exist"],
  ["./none box:", 3, "none does not exist"],
  ["BOX:a .", 2, "BOX"],
])("%s: exit code %d", async (line, code, text) => {
  const { cp } = await boxed();
  expect(await cp(line)).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(text) });
});

test("a failure is JSON with --json", async () => {
  const { cp } = await boxed();
  const { code, stderr } = await cp("box:none . --json");
  expect([code, JSON.parse(stderr.trim().split("\n").at(-1) ?? "")]).toMatchObject([
    3,
    { error: { code: "COPY_MISSING", details: { path: "box:none" } } },
  ]);
});

test("Ctrl-C leaves nothing incomplete, either way", async () => {
  const { cp } = await boxed({ files: { "/root/f": new Uint8Array(0) } });
  const onSignals = (send: (signal: string) => void) => void setImmediate(() => send("INT"));
  const into = await cp(`${base.path}/f box:`, { onSignals });
  expect(into).toMatchObject({ code: 130, stderr: expect.stringContaining("nothing incomplete was left behind") });
  const out = await cp(`box:f ${base.path}/new`, { onSignals });
  expect(out).toMatchObject({ code: 130, stderr: expect.stringContaining("nothing incomplete was left behind") });
});
