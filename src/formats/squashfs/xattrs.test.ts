/** Where extended attributes are found, and which of them count. */
import { expect, test } from "bun:test";
import { openSquashfs } from "./reader.ts";
import { image, packed } from "./testing/image.ts";

function attribute(type: number, name: string, value: string): Buffer {
  const parts = [packed([2, type], [2, name.length]), Buffer.from(name), packed([4, value.length]), Buffer.from(value)];
  return Buffer.concat(parts);
}

async function read(list: Buffer, count: number) {
  const bytes = image({ attributes: { list, count }, xattrIndex: 0 });
  const squashfs = await openSquashfs({ readAt: async (at, length) => bytes.subarray(at, at + length) }, bytes.length);
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
