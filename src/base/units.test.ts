import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatAge, formatSize, parseSize } from "./units.ts";

const good: [string, number][] = [
  ["2G", 2 * 1024 ** 3],
  ["512M", 512 * 1024 ** 2],
  ["1.5GiB", 1.5 * 1024 ** 3],
  ["100kb", 100 * 1024],
  ["8 GiB", 8 * 1024 ** 3],
  [" 1T ", 1024 ** 4],
  ["4096B", 4096],
  ["0M", 0],
];
for (const [text, bytes] of good) test(`parseSize ${text}`, () => expect(parseSize(text)).toBe(bytes));

for (const text of [
  "",
  "2",
  "G",
  "-1G",
  "1,5G",
  "2GG",
  "2P",
  "1e3M",
  "0x10M",
  "2 G B",
  "Infinity",
  "9999999999T",
  "1.G",
  ".5G",
  "٢G",
]) {
  test(`parseSize refuses ${JSON.stringify(text)}`, () => expect(parseSize(text)).toBeNull());
}

const shown: [number, number | undefined, string][] = [
  [0, undefined, "0 B"],
  [1023, undefined, "1023 B"],
  [1024, undefined, "1 KiB"],
  [1536, undefined, "1.5 KiB"],
  [8 * 1024 ** 3, undefined, "8 GiB"],
  [2 * 1024 ** 3, 1, "2.0 GiB"],
  [1024 ** 2 - 1, undefined, "1 MiB"],
  [5000 * 1024 ** 4, undefined, "5000 TiB"],
];
for (const [bytes, digits, text] of shown)
  test(`formatSize ${text}`, () => expect(formatSize(bytes, digits)).toBe(text));

test("parseSize reads what formatSize writes, within rounding", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (bytes) => {
      const back = parseSize(formatSize(bytes)) ?? -1;
      expect(Math.abs(back - bytes)).toBeLessThanOrEqual(bytes * 0.06);
    }),
  );
});

test("ages and durations", () => {
  expect([0, 999, 1000, 59_999, 60_000, 3_600_000, 86_399_999, 86_400_000 * 41].map(formatAge)).toEqual([
    "0s",
    "0s",
    "1s",
    "59s",
    "1m",
    "1h",
    "23h",
    "41d",
  ]);
});
