import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../base/testing/budget.ts";
import { nulSeparated, parseStaged } from "./listing.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const oid = "0123456789012345678901234567890123456789";

test("entries of every kind", () => {
  const text = `100644 ${oid} 0\ta\0${"120000"} ${oid} 2\twith\nnewline\ttab\0${"160000"} ${oid}${"0".repeat(24)} 0\tsub\0`;
  expect([...parseStaged(bytes(text))].map(({ mode, stage, path }) => [mode, stage, path])).toEqual([
    ["100644", 0, "a"],
    ["120000", 2, "with\nnewline\ttab"],
    ["160000", 0, "sub"],
  ]);
});

for (const text of [
  "x\0",
  `100644 ${oid} 0\ta`,
  `100644 ${oid} 0 a\0`,
  `100644 ${oid} 4\ta\0`,
  `100644 ${oid} 0\t\0`,
  `10064 ${oid} 0\ta\0`,
  "\0",
]) {
  test(`not git's output: ${JSON.stringify(text.slice(-12))}`, () =>
    expect(() => [...parseStaged(bytes(text))]).toThrow(RangeError));
}

test("entries survive the round trip, any bytes give entries or RangeError", () => {
  const path = fc
    .uint8Array({ minLength: 1, maxLength: 40 })
    .map((all) => Buffer.from(all.map((byte) => byte || 1)).toString("latin1"));
  fc.assert(
    fc.property(fc.array(path), (paths) => {
      const text = paths.map((each) => `100755 ${oid} 0\t${each}\0`).join("");
      expect([...parseStaged(bytes(text))].map((entry) => entry.path)).toEqual(paths);
      expect([...nulSeparated(bytes(paths.map((each) => `${each}\0`).join("")))]).toEqual(paths);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array(), (junk) => {
      try {
        [...parseStaged(junk)];
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: runs(100) },
  );
});
