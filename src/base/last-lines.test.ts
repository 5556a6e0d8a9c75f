import { expect, test } from "bun:test";
import fc from "fast-check";
import { lastLines } from "./last-lines.ts";
import { runs } from "./testing/budget.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test.each([
  ["plain lines", "one\r\ntwo\n", ["one", "two"]],
  ["colours", "\x1b[1;32m  OK  \x1b[0m Started", ["  OK   Started"]],
  ["a title that would reach the terminal", "\x1b]0;pwned\x07text", ["text"]],
  ["an unfinished escape", "text\x1b[", ["text["]],
  ["device control", "\x1bPq#0\x1b\\text", ["text"]],
  ["a C1 control", "\x9b31mred\x85", ["red"]],
  ["what can't be seen", "a\u061cb\u200bc\u{e0041}d\u00ade\ufeff\ufe0f\u2800f", ["abcdef"]],
  ["right-to-left override", "a\u202eb", ["ab"]],
  ["a line overwritten by a carriage return", "10%\r20%\r", ["10%", "20%"]],
  ["tabs", "a\tb", ["a b"]],
  ["empty lines", "\n\n a \n\n", [" a"]],
])("%s", (_, text, lines) => {
  expect(lastLines(bytes(text))).toEqual(lines);
});

test("only the last lines are kept, and each is cut", () => {
  const text = Array.from({ length: 50 }, (_, at) => `${at} ${"x".repeat(500)}`).join("\n");
  const lines = lastLines(bytes(text), 3, 10);
  expect(lines).toEqual(["47 xxxxxxx", "48 xxxxxxx", "49 xxxxxxx"]);
});

test("whatever a guest prints, nothing that a terminal interprets is left", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (data) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they must be absent
      for (const line of lastLines(data)) expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202a-\u202e]/);
    }),
    { numRuns: runs(500), seed: 1 },
  );
});
