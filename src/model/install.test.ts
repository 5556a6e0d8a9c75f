import { expect, test } from "bun:test";
import { formatMetadata, type InstallMetadata, parseMetadata } from "./install.ts";

const metadata: InstallMetadata = {
  owner: { name: "anna", uid: 1000, gid: 100 },
  version: "0.1.0",
  bridge: "br-banger",
  files: { banger: "a".repeat(64), bangerd: "b".repeat(64) },
};
const text = formatMetadata(metadata);

test("what is written is read", () => {
  expect(parseMetadata(text)).toEqual(metadata);
});

test("a file that was cut short anywhere is refused", () => {
  for (let length = 0; length < text.trimEnd().length; length++)
    expect(parseMetadata(text.slice(0, length))).toHaveProperty("problem");
});

const changed = (change: object) => JSON.stringify({ ...JSON.parse(text), ...change });
const owner = (change: object) => changed({ owner: { ...metadata.owner, ...change } });

test.each([
  ["no object", "[1]", "it is not a JSON object"],
  ["another schema", changed({ schema: 2 }), "its schema is not 1"],
  ["a further key", changed({ helper: "/bin/sh" }), 'it has the unknown key "helper"'],
  ["root as owner", owner({ uid: 0 }), "its owner is not valid"],
  ["the id of nobody at all", owner({ uid: 2 ** 32 - 1 }), "its owner is not valid"],
  ["a number as text", owner({ gid: "100" }), "its owner is not valid"],
  ["a name with a line break", owner({ name: "anna\nExecStart=/bin/sh" }), "its owner is not valid"],
  ["a name with a specifier", owner({ name: "a%h" }), "its owner is not valid"],
  ["a further field of the owner", owner({ home: "/root" }), "its owner is not valid"],
  ["a version that is a path", changed({ version: "../1.0.0" }), "its version is not valid"],
  ["a bridge with a space", changed({ bridge: "br banger" }), "its bridge is not valid"],
  ["no files", changed({ files: {} }), "its files are not valid"],
  ["a file that is a path", changed({ files: { "../x": "a".repeat(64) } }), "its files are not valid"],
  ["a short hash", changed({ files: { banger: "abc" } }), "its files are not valid"],
  ["too many files", changed({ files: manyFiles() }), "its files are not valid"],
])("%s is refused", (_what, given, problem) => {
  expect(parseMetadata(given)).toEqual({ problem });
});

function manyFiles(): Record<string, string> {
  return Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`f${"x".repeat(at)}`, "a".repeat(64)]));
}
