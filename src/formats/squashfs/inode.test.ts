/** Every type of inode, basic and extended: each field is read from its own place. */
import { expect, test } from "bun:test";
import type { SquashNode } from "./inode.ts";
import { openSquashfs } from "./reader.ts";
import { type Fields, image, listing, packed } from "./testing/image.ts";

const none = 0xffffffff;
const owners = [1000, 70_000, 80_000];
const blockSize = 131_072;

/** The inode of the only name in the root. */
async function read(type: number, ...rest: (Fields | string)[]): Promise<SquashNode | null> {
  const head = packed([2, type], [2, 0o177_755], [2, 1], [2, 2], [4, 0x01020304], [4, 0x05060708]);
  const parts = rest.map((part) => (typeof part === "string" ? Buffer.from(part) : packed(...part)));
  const bytes = image({ rest: Buffer.concat([head, ...parts]), listing: listing(["a"]), owners, blockSize });
  const file = { readAt: async (offset: number, length: number) => bytes.subarray(offset, offset + length) };
  return (await openSquashfs(file, bytes.length)).lookup("a");
}

const common = {
  inode: 0x05060708,
  mode: 0o7755,
  uid: 70_000,
  gid: 80_000,
  mtime: 0x01020304,
  size: 0,
  links: 1,
  link: "",
  device: null,
};
const links = 0x0a0b0c0d;
const xattr = 0x11121314;

test("a folder, whose listing has three bytes less than is stored", async () => {
  const at = { kind: "folder", block: 0x21222324, offset: 0x1516, bytes: 0x3132 - 3, xattr: none } as const;
  const basic: Fields = [
    [4, at.block],
    [4, links],
    [2, 0x3132],
    [2, at.offset],
    [4, 9],
  ];
  expect(await read(1, basic)).toEqual({ ...common, kind: "folder", links, at });
  const extended: Fields = [
    [4, links],
    [4, 0x31323334],
    [4, at.block],
    [4, 9],
    [2, 9],
    [2, at.offset],
    [4, xattr],
  ];
  const more = { ...at, bytes: 0x31323334 - 3, xattr };
  expect(await read(8, extended)).toEqual({ ...common, kind: "folder", links, at: more });
  for (const stored of [0, 2, 3])
    expect((await read(1, [...basic.slice(0, 2), [2, stored], [2, 0], [4, 9]]))?.at).toMatchObject({ bytes: 0 });
});

test("a file, with a block for its end unless that is in a fragment", async () => {
  const size = 2 * blockSize + 1;
  const [start, fragment, offset] = [0x41424344, 0x51525354, 0x61626364];
  const words = [0x01000001, 0x02000002, 0x03000003];
  const blocks = (count: number): Fields => words.slice(0, count).map((word): Fields[number] => [4, word]);
  const basic = (end: number, count: number) =>
    read(
      2,
      [
        [4, start],
        [4, end],
        [4, offset],
        [4, size],
      ],
      blocks(count),
    );
  const at = { kind: "file", start, blocks: words.slice(0, 2), fragment, offset, xattr: none } as const;
  expect(await basic(fragment, 2)).toEqual({ ...common, kind: "file", size, at });
  expect(await basic(none, 3)).toEqual({ ...common, kind: "file", size, at: { ...at, blocks: words, fragment: none } });
  const far = 0x4142_4344_4546n;
  const extended: Fields = [
    [8, far],
    [8, size],
    [8, 9],
    [4, links],
    [4, fragment],
    [4, offset],
    [4, xattr],
  ];
  const more = { ...at, start: Number(far), xattr };
  expect(await read(9, extended, blocks(2))).toEqual({ ...common, kind: "file", size, links, at: more });
});

test("a file of more blocks than are read at a time", async () => {
  const words = Array.from({ length: 2500 }, (_, number) => 0x01000000 + number);
  const head: Fields = [
    [4, 0],
    [4, none],
    [4, 0],
    [4, 2500 * blockSize],
  ];
  const node = await read(
    2,
    head,
    words.map((word): Fields[number] => [4, word]),
  );
  expect(node?.at).toMatchObject({ blocks: words });
});

test("symlinks, devices, fifos and sockets, with attributes behind an extended one", async () => {
  const at = { kind: "other", xattr: none } as const;
  const more = { ...at, xattr };
  const [linked, tail]: [Fields, Fields] = [[[4, links]], [[4, xattr]]];
  const link: Fields = [...linked, [4, 6]];
  expect(await read(3, link, "target")).toEqual({ ...common, kind: "symlink", links, link: "target", at });
  expect(await read(10, link, "target", tail)).toEqual({ ...common, kind: "symlink", links, link: "target", at: more });
  // major 0xabc, minor 0x12345 (new_encode_dev of linux/kdev_t.h)
  const number: Fields = [...linked, [4, 0x123abc45]];
  const device = { major: 0xabc, minor: 0x12345 };
  for (const [type, kind] of [
    [4, "block"],
    [5, "character"],
  ] as const) {
    expect(await read(type, number)).toEqual({ ...common, kind, links, device, at });
    expect(await read(type + 7, number, tail)).toEqual({ ...common, kind, links, device, at: more });
  }
  for (const [type, kind] of [
    [6, "fifo"],
    [7, "socket"],
  ] as const) {
    expect(await read(type, linked)).toEqual({ ...common, kind, links, at });
    expect(await read(type + 7, linked, tail)).toEqual({ ...common, kind, links, at: more });
  }
});
