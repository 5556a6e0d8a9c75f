import { expect, test } from "bun:test";
import fc from "fast-check";
import { Lines } from "./lines.ts";

function said(...chunks: (string | Uint8Array)[]): string[] {
  const found: string[] = [];
  const lines = new Lines((line) => void found.push(line));
  for (const chunk of chunks) lines.push(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
  lines.finish();
  return found;
}

test("lines are reported when complete, the last one at the end", () => {
  expect(said("a\nb", "c\n", "", "d")).toEqual(["a", "bc", "d"]);
  expect(said("a\n\nb\n")).toEqual(["a", "", "b"]);
  expect(said("")).toEqual([]);
});

test("the last state of an overwritten line counts; CRLF ends a line too", () => {
  expect(said("10%\r50%\r100%\ndone\r\n")).toEqual(["100%", "done"]);
});

test("characters that are cut in two, and bytes that are not UTF-8", () => {
  const euro = new TextEncoder().encode("€");
  expect(said(euro.slice(0, 1), euro.slice(1), "\n")).toEqual(["€"]);
  expect(said(new Uint8Array([0xff, 0x0a]))).toEqual(["\ufffd"]);
});

test("an endless line is reported in pieces", () => {
  const found = said("x".repeat(10_000));
  expect([found.length, found.join("")]).toEqual([3, "x".repeat(10_000)]);
});

test("the lines are the same, however the input is cut", () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.nat(20)), (text, cuts) => {
      const bytes = new TextEncoder().encode(text);
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) {
        chunks.push(bytes.slice(at, at + cut));
        at += cut;
      }
      expect(said(...chunks, bytes.slice(at))).toEqual(said(bytes));
    }),
  );
});
