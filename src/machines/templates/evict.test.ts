import { expect, test } from "bun:test";
import { digestOf, templateRecord } from "../../store/testing/records.ts";
import { tooMuch } from "./evict.ts";

const sized = (...sizes: number[]) => sizes.map((bytes, at) => templateRecord({ key: digestOf(String(at)), bytes }));
const gone = (sizes: number[], limit: number) => tooMuch(sized(...sizes), limit).map(({ bytes }) => bytes);

test.each<[string, number[], number, number[]]>([
  ["all fit", [3, 4, 5], 12, []],
  ["the one that was used longest ago goes", [3, 4, 5], 11, [5]],
  ["a small one after a large one goes too", [3, 9, 1], 10, [9, 1]],
  ["the one used last stays", [30, 1], 10, [1]],
  ["none", [], 0, []],
])("%s", (_, sizes, limit, removed) => expect(gone(sizes, limit)).toEqual(removed));
