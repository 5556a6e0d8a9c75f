/** Where extended attributes are found, and which of them count. */
import { expect, test } from "bun:test";
import { openSquashfs } from "./reader.ts";
import { image, packed } from "./testing/image.ts";

function attribute(type: number, name: string, value: string): Buffer {
  const parts = [packed([2, type], [2, name.length]), Buffer.from(name), packed([4, value.length]), Buffer.from(value)];
  return Buffer.concat(parts);
}

type Place = { before?: number; at?: number; index?: number };

/** @param place of the list in the table, and the index that is looked up: as a rule, the list's own */
async function read(list: Buffer, count: number, { before = 0, at = 0, index }: Place = {}) {
  const bytes = image({ attributes: { list, count, before, at }, xattrIndex: index ?? before });
  const readAt = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const squashfs = await openSquashfs({ readAt }, bytes.length);
  return [...(await squashfs.xattrs(squashfs.root))];
}

test("user, trusted and security attributes count, others are passed over", async () => {
  const list = [attribute(3, "other", "x"), attribute(0, "a", "1"), attribute(1, "b", "22"), attribute(2, "c", "")];
  expect(await read(Buffer.concat(list), 4)).toEqual([
    ["user.a", "1"],
    ["trusted.b", "22"],
    ["security.c", ""],
  ]);
  expect(await read(Buffer.concat(list), 3)).toHaveLength(2);
});

test("a name of 255 bytes, and bytes that are not text", async () => {
  const long = "n".repeat(255);
  expect(await read(attribute(0, long, "v"), 1)).toEqual([[`user.${long}`, "v"]]);
  const value = Buffer.concat([packed([2, 0], [2, 1]), Buffer.from("k"), packed([4, 2]), Buffer.from([0xff, 0])]);
  expect(await read(value, 1)).toEqual([["user.k", "\xff\0"]]);
});

test("lists are those of the table, in its blocks of 512", async () => {
  const list = attribute(0, "a", "1");
  for (const before of [1, 511, 512, 513, 1024, 1025]) {
    expect(await read(list, 1, { before })).toEqual([["user.a", "1"]]);
    expect(await read(list, 1, { before, index: before - 1 })).toEqual([]);
  }
});

test("a list begins where the table says, in any block", async () => {
  const list = Buffer.concat([Buffer.alloc(8195), attribute(0, "b", "2")]);
  list.set(attribute(0, "a", "1"), 5);
  expect(await read(list, 1, { at: 5 })).toEqual([["user.a", "1"]]);
  // the second block is stored behind the first and its length, and the list is its fourth byte
  expect(await read(list, 1, { at: (8192 + 2) * 65_536 + 3 })).toEqual([["user.b", "2"]]);
});
