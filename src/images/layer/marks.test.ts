import { expect, test } from "bun:test";
import { TarError } from "../../formats/tar/header.ts";
import { type Mark, markOf } from "./marks.ts";

const marks: [path: string, mark: Mark | null][] = [
  ["a", null],
  ["a/.wha", null],
  ["a/x.wh.b", null],
  [".wh.a/b", null],
  [".wh.a", { kind: "whiteout", path: "a" }],
  ["d/.wh.a", { kind: "whiteout", path: "d/a" }],
  ["d/.wh..a", { kind: "whiteout", path: "d/.a" }],
  [".wh..wh..opq", { kind: "opaque", path: "" }],
  ["d/.wh..wh..opq", { kind: "opaque", path: "d" }],
  // aufs's own, which would otherwise be whiteouts of `.wh.aufs` and of `.wh.plnk`
  [".wh..wh.aufs", { kind: "bookkeeping" }],
  ["d/.wh..wh.plnk", { kind: "bookkeeping" }],
  [".wh..wh.plnk/1.2", { kind: "bookkeeping" }],
  [".wh..wh.plnk/.wh.a", { kind: "bookkeeping" }],
];
for (const [path, mark] of marks) {
  test(`${path} is ${mark?.kind ?? "a name"}`, () => {
    expect(markOf(path)).toEqual(mark);
  });
}

test("a whiteout of nothing is refused", () => {
  for (const path of [".wh.", "d/.wh..", ".wh..."]) expect(() => markOf(path)).toThrow(TarError);
});
