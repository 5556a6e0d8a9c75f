import { expect, test } from "bun:test";
import { parseAlternates } from "./alternates.ts";

const cases: [what: string, content: string, paths: string[]][] = [
  ["nothing", "", []],
  ["empty lines", "\n\n", []],
  ["a plain path", "/a/b\n", ["/a/b"]],
  ["no line end", "/a\n../b", ["/a", "../b"]],
  ["a comment", "#/a\n/b\n", ["/b"]],
  ["a comment's sign later in a line", "/a#b\n", ["/a#b"]],
  ["spaces, which belong to the path", " /a \n", [" /a "]],
  ["quotes", '"/a b"\n', ["/a b"]],
  ["every letter that is an escape", '"\\a\\b\\t\\n\\v\\f\\r\\\\\\""\n', ['\x07\b\t\n\v\f\r\\"']],
  ["octal escapes", '"/\\303\\274\\011"\n', ["/\xc3\xbc\t"]],
  ["an octal escape followed by a digit", '"\\0601"\n', ["01"]],
  ["an octal escape over a byte is none", '"\\400"\n', ['"\\400"']],
  ["an octal escape that is too short", '"\\07"\n', ['"\\07"']],
  ["an unknown escape: the line as it stands", '"/a\\xb"\n/c\n', ['"/a\\xb"', "/c"]],
  ["no closing quote", '"/a\n/b\n', ['"/a', "/b"]],
  ["a closing quote on a later line", '"/a\n/b"\n/c\n', ["/a\n/b", "/c"]],
  ["a backslash at the end", '"/a\\', ['"/a\\']],
  ["something behind the quote: its first character is skipped", '"/a"x/b\n', ["/a", "/b"]],
  ["escapes outside of quotes", "/a\\tb\n", ["/a\\tb"]],
  ["a quote in the middle", '/a"b"\n', ['/a"b"']],
  ["what follows a NUL", "/a\0/b\n/c\n", ["/a"]],
  ["a carriage return, which belongs to the path", "/a\r\n", ["/a\r"]],
];
for (const [what, content, paths] of cases) {
  test(`alternates with ${what}`, () => {
    expect(parseAlternates(content)).toEqual(paths);
  });
}
