/** Where a path leads, who owns it, and how many names are kept, in images made by hand. */
import { expect, test } from "bun:test";
import type { SquashNode } from "./inode.ts";
import { openSquashfs, type Squashfs, SquashfsError } from "./reader.ts";
import { type Fields, image, inode, listing, type Made, packed } from "./testing/image.ts";

function open(made: Made): Promise<Squashfs> {
  const bytes = image(made);
  return openSquashfs({ readAt: async (offset, length) => bytes.subarray(offset, offset + length) }, bytes.length);
}

const fifo = (owner = 0) => inode(6, packed([4, 1]), owner);

/** `a` is a folder that has the same listing as the root: `a` again, and so on. */
function nested(): Promise<Squashfs> {
  const names = listing(["a"]);
  const folder: Fields = [
    [4, 0],
    [4, 2],
    [2, names.length + 3],
    [2, 0],
    [4, 0],
  ];
  return open({ rest: inode(1, packed(...folder)), listing: names });
}

test("a path without a name is the root; empty names on the way count for nothing", async () => {
  const squashfs = await nested();
  for (const path of ["", "/", "//"]) expect(await squashfs.lookup(path)).toBe(squashfs.root);
  const folder = await squashfs.lookup("a");
  expect(folder).toMatchObject({ kind: "folder", inode: 1 });
  for (const path of ["/a", "a/", "a//a", "//a///a//"]) expect(await squashfs.lookup(path)).toEqual(folder);
});

test("nothing is below a name that is missing, or below what is no folder", async () => {
  const deep = await nested();
  for (const path of ["b", "b/a", "b/a/a", "a/b", "a/b/a"]) expect(await deep.lookup(path)).toBeNull();
  const flat = await open({ rest: fifo(), listing: listing(["a"]) });
  expect(await flat.lookup("a")).toMatchObject({ kind: "fifo" });
  for (const path of ["a/a", "a/b", "a/a/a"]) expect(await flat.lookup(path)).toBeNull();
});

test("owners are those of the table, in its blocks of 2048", async () => {
  const owners = Array.from({ length: 4098 }, (_, at) => 100_000 + at);
  for (const owner of [0, 1, 2047, 2048, 2049, 4095, 4096, 4097]) {
    const squashfs = await open({ rest: fifo(owner), listing: listing(["a"]), owners });
    expect(await squashfs.lookup("a")).toMatchObject({ uid: 100_000 + owner, gid: 100_000 + owner });
  }
});

test("200,000 names are kept, of the folders that were read last", async () => {
  const first = listing(["one"]);
  const run = (number: number) => listing(Array.from({ length: 250 }, (_, at) => `${number}.${at}`));
  const others = Buffer.concat(Array.from({ length: 100 }, (_, number) => run(number)));
  const squashfs = await open({ rest: fifo(), listing: Buffer.concat([first, others]) });
  const { root } = squashfs;
  const folder = (number: number, place: object): SquashNode =>
    ({ ...root, inode: number, at: { ...root.at, ...place } }) as SquashNode;
  const count = async (number: number, place: object) => (await squashfs.list(folder(number, place))).length;
  // what is not kept would have to be read, and this can't be
  const isKept = (number: number) =>
    count(number, { kind: "other" }).then(
      () => true,
      (error: unknown) => {
        expect(error).toEqual(new SquashfsError("only folders have entries"));
        return false;
      },
    );
  for (let number = 10; number < 18; number++)
    expect(await count(number, { offset: first.length, bytes: others.length })).toBe(25_000);
  expect([await isKept(10), await isKept(17)]).toEqual([true, true]);
  expect(await count(20, { bytes: first.length })).toBe(1);
  expect([await isKept(10), await isKept(11), await isKept(20)]).toEqual([false, true, true]);
  // 24,999 more fit now
  expect(await count(21, { bytes: first.length })).toBe(1);
  expect([await isKept(11), await isKept(21)]).toEqual([true, true]);
});
