import { describe, expect, test } from "bun:test";
import { TarError } from "./header.ts";
import { readGnuMap, readPaxMap, SparseContent } from "./sparse.ts";

type Part = { offset: number; length: number };

/** The content, with a dot for each byte of a hole. `parts` null: `stored` begins with the map. */
function content(size: number, parts: Part[] | null, stored: string, cut = 1000): string {
  let found = "";
  const sparse = new SparseContent(size, parts, {
    data: (chunk) => {
      expect(chunk.length).toBeGreaterThan(0);
      found += Buffer.from(chunk).toString();
    },
    hole: (bytes) => {
      expect(bytes).toBeGreaterThan(0);
      found += ".".repeat(bytes);
    },
  });
  const bytes = Buffer.from(stored);
  for (let at = 0; at < bytes.length; at += cut) sparse.push(bytes.subarray(at, at + cut));
  sparse.finish();
  return found;
}

const part = (offset: number, length: number): Part => ({ offset, length });

describe("content", () => {
  test("parts between holes, with any chunk sizes", () => {
    for (const cut of [1, 2, 3, 100]) {
      expect(content(7, [part(1, 2), part(4, 2)], "abcd", cut)).toBe(".ab.cd.");
      expect(content(4, [part(0, 2), part(2, 2)], "abcd", cut)).toBe("abcd");
      expect(content(4, [part(1, 0), part(2, 1), part(4, 0)], "a", cut)).toBe("..a.");
    }
    expect(content(3, [], "")).toBe("...");
    expect(content(0, [], "")).toBe("");
  });

  test("more or fewer bytes than the map says", () => {
    expect(() => content(4, [part(1, 2)], "abc")).toThrow("longer than its map says");
    expect(() => content(4, [part(1, 2)], "a")).toThrow("shorter than its map says");
    expect(() => content(4, [part(1, 1), part(3, 1)], "a")).toThrow("shorter than its map says");
  });

  test("parts that overlap, go back or lie outside", () => {
    expect(content(4, [part(1, 2), part(3, 1)], "abc")).toBe(".abc");
    for (const parts of [[part(1, 2), part(2, 1)], [part(3, 1), part(0, 1)], [part(3, 2)], [part(5, 0)]])
      expect(() => content(4, parts, "")).toThrow("a sparse map is out of order");
  });

  test("without a hole callback a hole is emitted in pieces of 256 KiB", () => {
    const pieces = (bytes: number) => {
      const sizes: number[] = [];
      const sparse = new SparseContent(bytes, [], { data: (chunk) => void sizes.push(chunk.length) });
      sparse.finish();
      return sizes;
    };
    expect(pieces(600_000)).toEqual([262_144, 262_144, 75_712]);
    expect(pieces(524_288)).toEqual([262_144, 262_144]);
    expect(pieces(262_145)).toEqual([262_144, 1]);
  });
});

describe("a map in front of the content", () => {
  const filled = (map: string) => map + "\0".repeat((512 - (map.length % 512)) % 512);

  test("whatever the pieces", () => {
    for (const cut of [1, 7, 511, 512, 513, 10_000])
      expect(content(5, null, `${filled("2\n1\n1\n3\n1\n")}ab`, cut)).toBe(".a.b.");
    expect(content(3, null, filled("0\n"))).toBe("...");
  });

  test("of a whole block, and of more than one", () => {
    for (const count of [127, 128, 200]) {
      const lines = [...Array(count).keys()].map((at) => `${at}\n1\n`).join("");
      expect(content(count, null, filled(`${count}\n${lines}`) + "a".repeat(count), 300)).toBe("a".repeat(count));
    }
    // a map that fills its block to the last byte
    const line = (number: number, digits: number) => `${String(number).padStart(digits, "0")}\n`;
    const parts = [...Array(31).keys()].map((at) => line(at, 7) + line(1, 7));
    const exact = line(31, 15) + parts.join("");
    expect(exact).toHaveLength(512);
    for (const cut of [100, 512]) expect(content(31, null, exact + "a".repeat(31), cut)).toBe("a".repeat(31));
  });

  test("that is cut short, not a number, or too long", () => {
    expect(() => content(3, null, "1\n0\n")).toThrow("a sparse map is cut short");
    expect(() => content(3, null, filled("1\n0\n"))).toThrow(TarError);
    for (const map of ["x\n", "\n", "-1\n", `${"9".repeat(17)}`, `${"9".repeat(16)}\n`])
      expect(() => content(3, null, filled(map))).toThrow("a sparse map is invalid");
    // 16 digits and no more are waited for
    expect(content(3, null, filled(`${"0".repeat(16)}\n`))).toBe("...");
    expect(() => content(3, null, "0".repeat(16))).toThrow("a sparse map is cut short");
    expect(() => content(3, null, "0".repeat(17))).toThrow("a sparse map is invalid");
    expect(() => content(3, null, filled("100000\n"))).toThrow("a sparse map is invalid");
    expect(() => content(3, null, "100000\n")).toThrow("a sparse map is cut short");
    expect(() => content(3, null, "100001\n")).toThrow("a sparse file has too many parts");
  });
});

test("the map of PAX format 0.1 is pairs of numbers, 100,000 at most", () => {
  expect(readPaxMap("")).toEqual([]);
  expect(readPaxMap("1,2,3,4")).toEqual([part(1, 2), part(3, 4)]);
  expect(readPaxMap(`0,${Number.MAX_SAFE_INTEGER}`)).toEqual([part(0, Number.MAX_SAFE_INTEGER)]);
  for (const text of ["1", "1,2,3", "1,", "1,x", "1, 2", `1,${Number.MAX_SAFE_INTEGER + 1}`, `1,${"0".repeat(17)}`])
    expect(() => readPaxMap(text)).toThrow("a sparse map is invalid");
  const pairs = (count: number) => Array(count).fill("1,1").join(",");
  expect(readPaxMap(pairs(100_000))).toHaveLength(100_000);
  expect(() => readPaxMap(pairs(100_001))).toThrow("a sparse map is invalid");
});

test("old GNU's map has 100,000 parts at most", () => {
  const filled = (count: number) => Array<Part>(count).fill(part(0, 0));
  const block = new Uint8Array(512);
  expect(readGnuMap(block, 0, 21, filled(100_000))).toBe(false);
  expect(() => readGnuMap(block, 0, 21, filled(100_001))).toThrow("a sparse file has too many parts");
  block[504] = 1;
  expect(readGnuMap(block, 0, 21, [])).toBe(true);
});
