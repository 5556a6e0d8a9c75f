/** Where `cp -r` and `docker cp` put it. */
import { expect, test } from "bun:test";
import { asFolder, endsAsFolder, type Found, lastName, namesContent, parentOf, placeOf } from "./place.ts";

type Row = ["folder" | "other", string, Found, string, { folder: string; name: string | null } | "missing" | "file"];

test.each<Row>([
  ["other", "a.txt", "folder", "dst", { folder: "dst", name: "a.txt" }],
  ["other", "x/a.txt", "folder", "dst/", { folder: "dst/", name: "a.txt" }],
  ["other", "a.txt", "folder", ".", { folder: ".", name: "a.txt" }],
  ["other", "a.txt", "folder", "/", { folder: "/", name: "a.txt" }],
  ["other", "a.txt", "other", "b.txt", { folder: ".", name: "b.txt" }],
  ["other", "a.txt", "other", "/b.txt", { folder: "/", name: "b.txt" }],
  ["other", "a.txt", "other", "b.txt/", "file"],
  ["other", "a.txt", "missing", "x/b.txt", { folder: "x", name: "b.txt" }],
  ["other", "a.txt", "missing", "b/", "missing"],
  ["other", "a.txt", "missing", "b/.", "missing"],
  ["folder", "src", "folder", "dst", { folder: "dst", name: "src" }],
  ["folder", "src/", "folder", "dst", { folder: "dst", name: "src" }],
  ["folder", "src//", "folder", "dst", { folder: "dst", name: "src" }],
  ["folder", "src/.", "folder", "dst", { folder: "dst", name: null }],
  ["folder", ".", "folder", "dst", { folder: "dst", name: null }],
  ["folder", "..", "folder", "dst", { folder: "dst", name: null }],
  ["folder", "/", "folder", "dst", { folder: "dst", name: null }],
  ["folder", "", "folder", "dst", { folder: "dst", name: null }],
  ["folder", "src", "other", "dst", "file"],
  ["folder", "src/.", "other", "dst", "file"],
  ["folder", "src", "missing", "x/dst", { folder: "x", name: "dst" }],
  ["folder", "src", "missing", "dst/", { folder: ".", name: "dst" }],
  ["folder", "src", "missing", "dst/.", { folder: ".", name: "dst" }],
  ["folder", "src/.", "missing", "dst", { folder: ".", name: "dst" }],
  ["folder", "src", "missing", "dst/..", "missing"],
  ["folder", "src", "missing", "..", "missing"],
])("%s %p to a %s %p", (kind, path, found, target, wanted) => {
  const place = placeOf({ path, kind }, { path: target, kind: found }, false);
  if (typeof wanted === "string") expect(place).toMatchObject({ isMissing: wanted === "missing" });
  else expect(place).toEqual(wanted);
});

test("several sources need an existing folder", () => {
  const of = (kind: Found) => placeOf({ path: "a", kind: "other" }, { path: "dst", kind }, true);
  expect(of("folder")).toEqual({ folder: "dst", name: "a" });
  expect(of("missing")).toMatchObject({ isMissing: true });
  expect(of("other")).toMatchObject({ isMissing: false });
});

test("the parts of a path", () => {
  expect(["a", "a/b", "a/b/", "a//", "/", "/a", "", "a/."].map(lastName)).toEqual([
    "a",
    "b",
    "b",
    "a",
    "",
    "a",
    "",
    ".",
  ]);
  expect(["a", "a/b", "a/b/", "/a", "/"].map(parentOf)).toEqual([".", "a", "a", "/", "."]);
  expect(["a/.", ".", "..", "/", "", "a/.."].map(namesContent)).toEqual([true, true, true, true, true, true]);
  expect(["a", "a/", "a/.b", "..a"].map(namesContent)).toEqual([false, false, false, false]);
  expect(["a/", "a/.", "a"].map(endsAsFolder)).toEqual([true, true, false]);
  expect(["a", "a/", "a/.", "a/./", "/", "/.", "a/.."].map(asFolder)).toEqual([
    ...["a/.", "a/.", "a/.", "a/.", "/.", "/.", "a/../."],
  ]);
});
