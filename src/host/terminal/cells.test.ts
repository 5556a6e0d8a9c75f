import { expect, test } from "bun:test";
import { cellWidth, cutCells, padCells } from "./cells.ts";

test.each<[what: string, text: string, cells: number]>([
  ["ASCII", "abc", 3],
  ["precomposed Latin", "é", 1],
  ["a letter and a combining mark", "e\u0301", 1],
  ["Chinese", "日本", 4],
  ["Hangul as one character", "한", 2],
  ["Hangul as its parts", "\u1112\u1161\u11ab", 2],
  ["fullwidth Latin", "ＡＢ", 4],
  ["halfwidth Katakana", "ｱ", 1],
  ["Arabic with a vowel mark", "\u0627\u064b", 1],
  ["an emoji outside the basic plane", "👍", 2],
  ["an emoji with a skin tone", "👍🏽", 2],
])("%s: %j takes %i cells", (_, text, cells) => {
  expect(cellWidth(text)).toBe(cells);
  expect(cellWidth(padCells(text, 8))).toBe(8);
});

test("a text that is wider than its column is not cut by padding", () => {
  expect(padCells("日本語", 4)).toBe("日本語");
});

test.each<[text: string, width: number, cut: string]>([
  ["abc", 2, "ab"],
  ["abc", 3, "abc"],
  ["日本語", 4, "日本"],
  ["日本語", 5, "日本"],
  ["e\u0301e\u0301e\u0301", 2, "e\u0301e\u0301"],
  ["👍👍", 3, "👍"],
  ["👍", 1, ""],
  ["abc", 0, ""],
])("%j cut to %i cells is %j", (text, width, cut) => {
  expect(cutCells(text, width)).toBe(cut);
});
