/** Transcripts: `file_sync` at `vm create`, `vm start` and `vm run`, and `vm sync`. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { type FakeFiles, fakeVerbs } from "../client/copy/testing/fake-guest.ts";
import { planSync } from "../client/sync/plan.ts";
import { archive, file } from "../formats/tar/testing/archive.ts";
import { tempFolder } from "../host/testing/temp.ts";
import type { FileSyncEntry } from "../model/file-sync.ts";
import { workspaceTar } from "../workspace/stream.ts";
import type { WorkspacePlan } from "../workspace/types.ts";
import type { CliContext } from "./context.ts";
import { type CallOptions, cliWorlds } from "./testing/cli.ts";

const world = cliWorlds();

let base: ReturnType<typeof tempFolder>;
beforeEach(() => {
  base = tempFolder("sync");
  fs.writeFileSync(`${base.path}/f`, "s3cret");
});
afterEach(() => base[Symbol.dispose]());

const passwd = "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n";
const gitconfig = { host: "~/f", guest: "~/.gitconfig", mode: null, required: false };
const missing = { ...gitconfig, host: "~/none", guest: "~/.none" };
const emptyPlan = {
  entries: [],
  totals: { files: 0, bytes: 0 },
  repositories: [],
  notes: [],
  checkedOut: async () => [],
  dispose: async () => {},
};
const change = (context: CliContext) => void Object.assign(context, { workspaceTar });

async function hosted(entries: FileSyncEntry[], files: FakeFiles = {}) {
  const puts: string[] = [];
  const onPut: FakeFiles["onPut"] = ({ path, uid, gid }) =>
    void (uid === undefined || puts.push(`${path} ${uid}:${gid}`));
  const all = { "/etc/passwd": archive([file("passwd", passwd)]) };
  const { cli, served } = await world({ verbs: fakeVerbs({ onPut, ...files, files: all }) });
  const sync = () => planSync(base.path, entries);
  return {
    puts,
    cli: (line: string, options: CallOptions = {}) => cli(line, { change, sync, ...options }),
    noted: (): unknown[] =>
      served.machines.all().map(({ name, syncedPaths, awaitsSync }) => [name, syncedPaths, awaitsSync]),
  };
}

test("vm create makes no guest, so the files go in at the first start, and only then", async () => {
  const { cli, puts, noted } = await hosted([gitconfig]);
  expect(await cli("vm create --name box")).toMatchObject({ code: 0, stdout: "box\n" });
  expect([puts, noted()]).toEqual([[], [["box", [], true]]]);
  expect(await cli("vm start box")).toMatchObject({ code: 0 });
  expect([puts, noted()]).toEqual([["/root 0:0"], [["box", ["/root/.gitconfig"], false]]]);
  await cli("vm stop box");
  expect(await cli("vm start box")).toMatchObject({ code: 0 });
  expect(puts).toHaveLength(1);
});

test("vm restart of a VM that never ran is its first start too", async () => {
  const { cli, puts } = await hosted([gitconfig]);
  await cli("vm create --name box");
  expect(await cli("vm restart box")).toMatchObject({ code: 0 });
  expect(puts).toEqual(["/root 0:0"]);
});

test("vm run copies them before the command", async () => {
  const { cli, puts, noted } = await hosted([gitconfig]);
  expect(await cli("vm run --name box --detach")).toMatchObject({ code: 0 });
  expect([puts, noted()]).toEqual([["/root 0:0"], [["box", ["/root/.gitconfig"], false]]]);
});

test.each(["vm create --name box --no-sync", "vm run --name box --detach --no-sync"])("%s", async (line) => {
  const { cli, puts, noted } = await hosted([gitconfig, { ...missing, required: true }]);
  expect(await cli(line)).toMatchObject({ code: 0, stderr: expect.not.stringContaining("none") });
  await cli("vm start box");
  expect([puts, noted()]).toEqual([[], [["box", [], false]]]);
});

test("vm run --dry-run says where they would go, and makes nothing", async () => {
  const { cli, puts, noted } = await hosted([gitconfig, { ...gitconfig, guest: "/root/x" }]);
  const plan = { ...emptyPlan, root: base.path } as unknown as WorkspacePlan;
  const { code, stderr } = await cli("vm run --dry-run ./repo", { plan });
  expect([code, stderr]).toEqual([0, expect.stringContaining("file_sync would also copy ~/.gitconfig, /root/x\n")]);
  expect([puts, noted()]).toEqual([[], []]);
});

test("vm start --no-sync leaves it for a later start", async () => {
  const { cli, puts } = await hosted([gitconfig]);
  await cli("vm create --name box");
  await cli("vm start box --no-sync");
  expect(puts).toEqual([]);
  await cli("vm start box");
  expect(puts).toEqual(["/root 0:0"]);
});

test.each(["vm create --name box", "vm run --name box --detach"])("%s: a missing file is a warning", async (line) => {
  const { cli } = await hosted([gitconfig, missing]);
  const { code, stderr } = await cli(line);
  expect([code, stderr]).toEqual([0, expect.stringContaining("file_sync: ~/none does not exist, and is not copied")]);
});

test.each(["vm create --name box", "vm run --name box --detach"])("%s: refused before a VM is made", async (line) => {
  const { cli, noted } = await hosted([gitconfig, { ...missing, required: true }]);
  const { code, stderr } = await cli(line);
  expect(code).not.toBe(0);
  expect(stderr).toContain("~/none does not exist, and file_sync requires it");
  expect(noted()).toEqual([]);
});

test("vm sync again, for another user, as JSON", async () => {
  const { cli, puts, noted } = await hosted([gitconfig]);
  await cli("vm run --name box --detach");
  expect(await cli("vm sync box")).toEqual({
    code: 0,
    stdout: "",
    stderr: expect.stringContaining("copied 1 entry, 6 B\n"),
  });
  const { code, stdout } = await cli("vm sync box --user app --json");
  expect([code, JSON.parse(stdout)]).toEqual([0, { entries: 1, bytes: 6 }]);
  expect(puts).toEqual(["/root 0:0", "/root 0:0", "/home/app 1000:1001"]);
  expect(noted()).toEqual([["box", ["/root/.gitconfig", "/home/app/.gitconfig"], false]]);
});

test("vm sync of a stopped VM, of none, and of nothing", async () => {
  const { cli, puts } = await hosted([gitconfig]);
  await cli("vm create --name box");
  expect(await cli("vm sync box")).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("start it with `banger vm start box`"),
  });
  expect(await cli("vm sync none")).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('no VM is named "none"'),
  });
  expect(await cli("vm sync box", { sync: () => planSync(base.path, []) })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("the configuration has no [[file_sync]]"),
  });
  expect(puts).toEqual([]);
});

test("what was copied is nowhere in what is printed", async () => {
  const { cli } = await hosted([gitconfig]);
  const all = [await cli("vm run --name box --detach --json"), await cli("vm sync box"), await cli("vm show box")];
  expect(JSON.stringify(all)).not.toContain("s3cret");
  expect(all[2]?.stdout).toContain("/root/.gitconfig");
});

test("vm save leaves it out, unless it is asked for", async () => {
  const { cli } = await hosted([gitconfig]);
  await cli("vm run --name box --detach");
  await cli("vm stop box");
  const [without, whole] = [await cli("vm save box one"), await cli("vm save box two --with-synced-files")];
  expect([without.code, without.stderr]).toEqual([
    0,
    expect.stringContaining("left out, as file_sync copied it into the VM: /root/.gitconfig"),
  ]);
  expect([whole.code, whole.stderr]).toEqual([0, expect.stringContaining("who gets the image gets /root/.gitconfig")]);
});
