import { expect, test } from "bun:test";
import { type TarEntry, TarError } from "./header.ts";
import { TarScanner } from "./scanner.ts";
import { anyTar, archive } from "./testing/archive.ts";
import { xattrsOf } from "./xattrs.ts";

/** of `setcap cap_net_raw+ep`: bytes that are no text */
const capability = "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

test("what was written is read back, bytes that are no text and no UTF-8 included", () => {
  const entry: TarEntry = {
    ...{
      name: "caf\xe9\n".trim(),
      kind: "file",
      mode: 0o755,
      uid: 3_000_000,
      gid: 70_000,
      size: 0,
      mtime: 5,
      link: "",
    },
    xattrs: new Map([
      ["security.capability", capability],
      ["user.text", "line\nline=\xff\n"],
    ]),
  };
  const seen: TarEntry[] = [];
  const scanner = new TarScanner({ entry: (one) => seen.push(one), data() {}, padding() {} }, anyTar);
  scanner.push(archive([{ entry }]));
  scanner.finish();
  expect(seen).toEqual([entry]);
});

test("libarchive's form is read; where both are there the raw one counts", () => {
  const pax = new Map([
    ["LIBARCHIVE.xattr.user.a%20b", "AP8="],
    ["LIBARCHIVE.xattr.user.c", "AP8="],
    ["SCHILY.xattr.user.c", "raw"],
    ["path", "x"],
  ]);
  expect(xattrsOf(pax)).toEqual(
    new Map([
      ["user.a b", "\0\xff"],
      ["user.c", "raw"],
    ]),
  );
});

test("names that no kernel takes, and too much, are refused", () => {
  for (const name of ["", "a".repeat(256), "a\0b"]) {
    expect(() => xattrsOf(new Map([[`SCHILY.xattr.${name}`, "x"]]))).toThrow(TarError);
  }
  expect(() => xattrsOf(new Map([["SCHILY.xattr.user.x", "x".repeat(600_000)]]))).toThrow(TarError);
});
