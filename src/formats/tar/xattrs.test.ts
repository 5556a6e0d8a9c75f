import { expect, test } from "bun:test";
import { type TarEntry, TarError } from "./header.ts";
import { TarScanner } from "./scanner.ts";
import { anyTar, archive } from "./testing/archive.ts";
import { xattrsOf } from "./xattrs.ts";

/** of `setcap cap_net_raw+ep`: bytes that are not text */
const capability = "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

test("written attributes can be read back, including bytes that are not UTF-8", () => {
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

test("names have 1 to 255 bytes and no NUL", () => {
  const named = (name: string) => xattrsOf(new Map([[`SCHILY.xattr.${name}`, "x"]]));
  for (const name of ["a", "a".repeat(255)]) expect([...named(name).keys()]).toEqual([name]);
  for (const name of ["", "a".repeat(256), "a\0b"])
    expect(() => named(name)).toThrow(new TarError("an extended attribute has no name"));
});

test("a file's attributes are limited to 512 KiB, including names, in either form", () => {
  const most = 512 * 1024;
  const pax = (bytes: number) => {
    const half = bytes / 2;
    const base64 = Buffer.alloc(Math.floor(half) - "user.a".length, "x").toString("base64");
    return new Map([
      ["LIBARCHIVE.xattr.user.a", base64],
      ["SCHILY.xattr.user.b", "x".repeat(Math.ceil(half) - "user.b".length)],
    ]);
  };
  const found = xattrsOf(pax(most));
  expect([...found].reduce((sum, [name, value]) => sum + name.length + value.length, 0)).toBe(most);
  expect(() => xattrsOf(pax(most + 1))).toThrow(new TarError("a file's extended attributes are too large"));
});
