import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { VmId } from "../../base/names.ts";
import { SentRecords } from "./records.ts";
import { BlobHash, linkFile, parseSent, type Sent, SentFiles, sentText } from "./sent.ts";

const oid = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
const sent: Sent = {
  root: "/home/me/repo",
  format: "sha1",
  head: oid,
  tips: [oid],
  submodules: ["s\u00ff"],
  files: new Map([["a\u00ff", { mode: "100755", oid }]]),
};

test("a blob has git's name", () => {
  expect(new BlobHash("sha1", 0).oid()).toBe(oid);
  const long = new BlobHash("sha256", 0);
  expect(long.oid()).toBe("473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813");
  expect(linkFile("sha1", "").oid).toBe(oid);
});

test("files are noted once their last byte was sent; not those of .git", () => {
  const taken = new SentFiles("sha1");
  const entry = { path: "x", origin: "tracked", mode: 0o755 };
  const noted = taken.begin(entry, 0);
  expect(taken.files.size).toBe(0);
  noted?.end();
  expect(taken.files.get("x")).toEqual({ mode: "100755", oid });
  expect(taken.begin({ ...entry, origin: "git" }, 0)).toBeNull();
  taken.link({ path: "l", origin: "untracked", mode: 0o777, target: "" });
  expect(taken.files.get("l")?.mode).toBe("120000");
});

test("a record comes back as it was written", () => {
  expect(parseSent(sentText(sent))).toEqual(sent);
  expect(parseSent(sentText({ ...sent, head: null, tips: [], files: null }))).toEqual({
    ...sent,
    head: null,
    tips: [],
    files: null,
  });
});

test("anything else is no record", () => {
  const text = sentText(sent);
  const bad = [
    "",
    "null",
    "{}",
    text.replace('"version":1', '"version":2'),
    text.replace("/home", "home"),
    text.replace("sha1", "md5"),
    text.replaceAll(oid, "x"),
    text.replace("100755", "104755"),
    text.slice(1),
  ];
  expect(bad.map(parseSent)).toEqual(bad.map(() => null));
});

test("records by VM, copied for forks, the oldest removed", async () => {
  const folder = mkdtempSync(`${tmpdir()}/banger-sent-`);
  try {
    const records = new SentRecords(`${folder}/x/sent`);
    const id = (name: string) => name.padEnd(8, "0") as VmId;
    expect(await records.read(id("a"))).toBeNull();
    await records.copy(id("a"), [id("b")]);
    await records.write(id("a"), sent);
    await records.copy(id("a"), [id("b"), id("c")]);
    expect(await records.read(id("c"))).toEqual(sent);
    await records.remove(id("a"));
    expect(readdirSync(`${folder}/x/sent`)).toEqual(["b0000000.json", "c0000000.json"]);
    const few = new SentRecords(`${folder}/few`, 2);
    for (const name of ["a", "b", "c"]) await few.write(id(name), sent);
    expect(readdirSync(`${folder}/few`)).toHaveLength(2);
    expect(await few.read(id("c"))).toEqual(sent);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
