import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatRange, merged, overlap, type Range, rangeOf } from "./networks.ts";

test.each([
  ["10.1.2.3/8", "10.0.0.0-10.255.255.255"],
  ["0.0.0.0/0", "0.0.0.0-255.255.255.255"],
  ["1.2.3.4", "1.2.3.4"],
  ["1.2.3.4/32", "1.2.3.4"],
  ["10.0.0.9-10.0.1.2", "10.0.0.9-10.0.1.2"],
])("%s is %s", (text, range) => {
  const found = rangeOf(text);
  expect(found && formatRange(found)).toBe(range);
});

test.each(["", "10.0.0.2-10.0.0.1", "10.0.0.1-", "a-b", "default", "fd00::/8", "10.0.0.0/33"])("%p is none", (text) => {
  expect(rangeOf(text)).toBeNull();
});

test("merged ranges have the same addresses, are in order and do not touch", () => {
  const range = fc.tuple(fc.nat(60), fc.nat(9)).map(([first, more]): Range => [first, first + more]);
  fc.assert(
    fc.property(fc.array(range), (ranges) => {
      const result = merged(ranges);
      const has = (all: readonly Range[], address: number) => all.some((one) => overlap(one, [address, address]));
      for (let address = 0; address < 72; address++) expect(has(result, address)).toBe(has(ranges, address));
      for (const [index, [first]] of result.entries()) {
        const before = result[index - 1];
        if (before) expect(first).toBeGreaterThan(before[1] + 1);
      }
    }),
  );
});
