/** The bench's arithmetic. */
import { expect, test } from "bun:test";
import { median, quantile, ratio, reached, table } from "./stats.ts";

const row = { what: "x", floorWhat: "raw", ours: [12, 10, 30], floor: [8, 10, 9], allowance: 3, reach: { ratio: 1.1 } };

test("median of odd and even counts", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
});

test("a quantile is one of the values", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([quantile(hundred, 0.99), quantile([3, 1], 0.99), quantile([3, 1], 0.5), quantile([], 0.5)]).toEqual([
    99,
    3,
    1,
    Number.NaN,
  ]);
});

test("the allowance is subtracted before the ratio", () => {
  expect([ratio(row), reached(row), reached({ ...row, reach: { ratio: 0.9 } })]).toEqual([1, true, false]);
});

test("both the ratio and the figure must be reached", () => {
  const both = (ms: number) => reached({ ...row, reach: { ratio: 1.1, ms } });
  expect([both(12), both(11.9), reached({ ...row, reach: { ratio: 0.9, ms: 12 } })]).toEqual([true, false, false]);
});

test("a ratio without a floor is not reached", () => {
  expect(reached({ ...row, floor: [] })).toBe(false);
});

test("without a floor the milliseconds count", () => {
  const bare = { ...row, floor: [], allowance: 0, reach: { ms: 12 } };
  expect([ratio(bare), reached(bare)]).toEqual([null, true]);
});

test("the table has a line for each row", () => {
  expect(table([row]).split("\n")).toEqual([
    "what  median (min-max) ms  floor               ratio  reach   reached",
    "x     12.0 (10.0-30.0)     9.0 (8.0-10.0) raw  1.00   <= 1.1  yes",
  ]);
  expect(table([{ ...row, unit: "MiB", reach: { ratio: 1.1, ms: 12 } }])).toContain("<= 1.1, 12 MiB  yes");
});
