import { expect, test } from "bun:test";
import { wildmatch } from "./wildmatch.ts";

/** From git's t3070-wildmatch.sh: the results for path matching. */
const rows: [text: string, pattern: string, matches: boolean][] = [
  ["foo", "foo", true],
  ["foo", "bar", false],
  ["", "", true],
  ["foo", "???", true],
  ["foo", "??", false],
  ["foo", "*", true],
  ["foobar", "*ob*a*r*", true],
  ["aaaaaaabababab", "*ab", true],
  ["foo*", "foo\\*", true],
  ["foobar", "foo\\*bar", false],
  ["f\\oo", "f\\\\oo", true],
  ["ball", "*[al]?", true],
  ["ten", "**[!te]", true],
  ["ten", "**[!ten]", false],
  ["ten", "t[a-g]n", true],
  ["ten", "t[!a-g]n", false],
  ["ton", "t[^a-g]n", true],
  ["a]b", "a[]]b", true],
  ["a-b", "a[]-]b", true],
  ["a]b", "a[]a-]b", true],
  ["aab", "a[]a-]b", true],
  ["]", "]", true],
  ["foo/baz/bar", "foo*bar", false],
  ["foo/baz/bar", "foo**bar", false],
  ["foobazbar", "foo**bar", true],
  ["foo/baz/bar", "foo/**/bar", true],
  ["foo/baz/bar", "foo/**/**/bar", true],
  ["foo/b/a/z/bar", "foo/**/bar", true],
  ["foo/bar", "foo/**/bar", true],
  ["foo/bar", "foo/**/**/bar", true],
  ["foo/bar", "foo?bar", false],
  ["foo/bar", "foo[/]bar", false],
  ["foo/bar", "foo[^a-z]bar", false],
  ["foo", "**/foo", true],
  ["XXX/foo", "**/foo", true],
  ["bar/baz/foo", "**/foo", true],
  ["bar/baz/foo", "*/foo", false],
  ["foo/bar/baz", "**/bar*", false],
  ["deep/foo/bar/baz", "**/bar/*", true],
  ["deep/foo/bar/baz/", "**/bar/*", false],
  ["deep/foo/bar/baz/", "**/bar/**", true],
  ["deep/foo/bar", "**/bar/*", false],
  ["deep/foo/bar/", "**/bar/**", true],
  ["foo/bar/baz/x", "*/bar/**", true],
  ["deep/foo/bar/baz/x", "*/bar/**", false],
  ["deep/foo/bar/baz/x", "**/bar/*/*", true],
  ["acrt", "a[c-c]rt", true],
  ["acrt", "a[c-c]st", false],
  ["]", "[!]-]", false],
  ["a", "[!]-]", true],
  ["", "\\", false],
  ["foo", "*/**", false],
  ["a1B", "[[:alpha:]][[:digit:]][[:upper:]]", true],
  ["a", "[[:digit:][:upper:][:space:]]", false],
  ["a", "[[:digit:][:upper:][:spaci:]]", false],
  ["_", "[[:alnum:][:alpha:][:blank:]]", false],
  [".", "[a-c[:digit:]x-z]", false],
  ["5", "[a-c[:digit:]x-z]", true],
  ["[ab]", "[\\[:]ab]", true],
  ["?a?b", "\\??\\?b", true],
  ["abc", "\\a\\b\\c", true],
  ["foo", "", false],
  ["-", "[,-.]", true],
  ["+", "[,-.]", false],
  ["[", "[\\[-\\]]", true],
  ["]", "[\\1-\\3]", false],
  ["2", "[\\1-\\3]", true],
  ["ab", "[", false],
  ["ab", "a[", false],
  ["-adobe-courier-bold", "-*-*-bold", true],
  ["abcd/abcdefg/abcdefghijk/abcdefghijklmnop.txt", "**/*a*b*g*n*t", true],
  ["foo/bba/arr", "foo/*", false],
  ["foo/bba/arr", "foo/**", true],
  ["foo/bba/arr", "foo/**arr", false],
  ["foo/bba/arr", "foo*arr", false],
  ["foo/b", "foo/**\\/b", false],
  ["foo/x/b", "foo/**\\/b", true],
];
for (const [text, pattern, matches] of rows) {
  test(`${JSON.stringify(pattern)} and ${JSON.stringify(text)}`, () => expect(wildmatch(pattern, text)).toBe(matches));
}

test("case-insensitive letters", () => {
  expect(wildmatch("/Home/**/X[a-c]", "/home/u/xB", true)).toBe(true);
  expect(wildmatch("[A-Z]", "a", true)).toBe(true);
  expect(wildmatch("[[:upper:]]", "a", true)).toBe(true);
  expect(wildmatch("/Home", "/home")).toBe(false);
});

test("time is bounded", () => {
  const started = process.cpuUsage();
  expect(wildmatch(`${"*a".repeat(400)}b`, "a".repeat(2000))).toBe(false);
  expect(wildmatch(`${"**/".repeat(400)}b`, "a/".repeat(1000))).toBe(false);
  expect(process.cpuUsage(started).user / 1000).toBeLessThan(2000);
});
