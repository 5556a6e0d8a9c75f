/** A registry's warnings are untrusted text. */
import { expect, test } from "bun:test";
import { warningsIn } from "./warnings.ts";

test("warnings of the specification's form are shown, and nothing else", () => {
  expect(warningsIn(null)).toEqual([]);
  expect(warningsIn('299 - "moved to \\"new\\"", 299 r.example "old, soon gone"')).toEqual([
    'moved to "new"',
    "old, soon gone",
  ]);
  for (const other of ['199 - "x"', "299 - x", '110 cache "Response is Stale"', '299 - ""', "", '299 - "open'])
    expect(warningsIn(other)).toEqual([]);
});

test("they are single lines, short and few", () => {
  const [shown = ""] = warningsIn('299 - "a\x1b[31mb\u202ec"');
  expect(["\x1b", "\u202e"].some((unseen) => shown.includes(unseen))).toBe(false);
  expect(warningsIn(`299 - "${"x".repeat(3000)}"`)[0]).toHaveLength(300);
  expect(warningsIn(Array(50).fill('299 - "x"').join(", "))).toHaveLength(5);
});
