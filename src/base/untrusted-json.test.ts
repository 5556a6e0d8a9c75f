import { expect, test } from "bun:test";
import { strangeValues } from "./testing/strange.ts";
import { integerOf, parsedJson, recordOf, textOf, textsOf } from "./untrusted-json.ts";

test("integers at their limits, and one past them", () => {
  expect([0, 255, -1, 256].map((value) => integerOf(value, 0, 255))).toEqual([0, 255, null, null]);
  expect([1.5, Number.NaN, 1e308, 2 ** 53, "1", true].map((value) => integerOf(value, -1e9, Infinity))).toEqual(
    Array(6).fill(null),
  );
});

test("texts are cut and cleaned", () => {
  expect(textOf("abcd", 3)).toBe("abc");
  expect(textOf("a\u001b[2Jb", 100)).toBe("ab");
  expect(textsOf(["a", 1, null, "bcd", "e"], 4, 2)).toEqual(["a", "bc"]);
  expect(textsOf({ length: 1, 0: "a" }, 4, 2)).toEqual([]);
});

test("what is not JSON is null", () => {
  expect(['{"a":[1]}', '"b"', "", "{", '{"a":1} {}', "undefined"].map(parsedJson)).toEqual([
    { a: [1] },
    "b",
    ...Array(4).fill(null),
  ]);
});

test("no untrusted value makes them throw", () => {
  for (const value of strangeValues) {
    recordOf(value);
    textOf(value, 10);
    integerOf(value, 0, 10);
    textsOf(value, 3, 10);
  }
  expect(recordOf([1])).toBeNull();
  expect(recordOf(null)).toBeNull();
});
