import { expect, test } from "bun:test";
import { contentAttributes, filterPatterns } from "./attributes.ts";

const rows: [text: string, kept: string][] = [
  ["*.txt text eol=crlf\n", "*.txt text eol=crlf\n"],
  ["# *.txt text\n\n*.x\n  *.md -text  \n", "*.md -text\n"],
  ["*.bin filter=lfs diff=lfs merge=lfs -text\n", "*.bin -text\n"],
  ["*.png diff=exif\n*.c diff=cpp whitespace=fix\n", ""],
  ['"a b" text=auto\r\n', '"a b" text=auto\n'],
  [
    "[attr]lf text eol=lf filter=x\n[attr]o merge=ours\n*.sh lf\n*.c o !lf\n",
    "[attr]lf text eol=lf\n*.sh lf\n*.c !lf\n",
  ],
  [
    "*.x working-tree-encoding=UTF-16LE-BOM ident\n*.y working-tree-encoding=$(id)\n",
    "*.x working-tree-encoding=UTF-16LE-BOM ident\n",
  ],
  ["root:x:0:0:root:/root:/bin/bash\nsecret words\n", ""],
];
for (const [text, kept] of rows)
  test(`content of ${JSON.stringify(text)}`, () => expect(contentAttributes(text)).toBe(kept));

test("patterns with filters", () => {
  expect(filterPatterns("*.a filter=x\n*.b -filter\n#*.c filter=x\n[attr]m filter=y\n*.d m\n*.e -m\n")).toEqual([
    "*.a",
    "*.d",
  ]);
});
