import { expect, test } from "bun:test";
import { type Formers, formatJournal, parseJournal } from "./journal.ts";

const formers: Formers = {
  "/a": { kind: "nothing" },
  "/b": { kind: "folder" },
  "/c": { kind: "link", target: "1.0.0" },
  "/d": { kind: "file", text: "x\n", mode: 0o644 },
};
const text = formatJournal(formers);

test("what is written is read", () => {
  expect(parseJournal(text)).toEqual(formers);
});

test("a journal that was cut short anywhere is none", () => {
  for (let length = 0; length < text.trimEnd().length; length++) expect(parseJournal(text.slice(0, length))).toBeNull();
});

const withFormer = (path: string, former: unknown) => JSON.stringify({ schema: 1, formers: { [path]: former } });

test.each([
  ["another schema", JSON.stringify({ schema: 2, formers: {} })],
  ["a list", JSON.stringify({ schema: 1, formers: [] })],
  ["a relative path", withFormer("a", { kind: "nothing" })],
  ["an unknown kind", withFormer("/a", { kind: "device" })],
  ["a link without a target", withFormer("/a", { kind: "link", target: "" })],
  ["a file without a mode", withFormer("/a", { kind: "file", text: "" })],
  ["a file with a mode that is none", withFormer("/a", { kind: "file", text: "", mode: 0o10000 })],
])("%s is none", (_what, given) => {
  expect(parseJournal(given)).toBeNull();
});
