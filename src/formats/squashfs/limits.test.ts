/** Each limit on an untrusted squashfs: at it, and one past it. */
import { describe, expect, test } from "bun:test";
import { openSquashfs, type Squashfs, SquashfsError } from "./reader.ts";
import { image, inode, listing, type Made, packed } from "./testing/image.ts";

function open(made: Made, size?: number): Promise<Squashfs> {
  const bytes = image(made);
  const readAt = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  return openSquashfs({ readAt }, size ?? bytes.length);
}

async function refused(reading: Promise<unknown>, problem: string): Promise<void> {
  await expect(reading).rejects.toEqual(new SquashfsError(problem));
}

/** What the one name in the root leads to. */
async function only(rest: Uint8Array, more: Made = {}) {
  const squashfs = await open({ rest, listing: listing(["a"]), ...more });
  return squashfs.lookup("a");
}

async function names(made: Made): Promise<string[]> {
  const squashfs = await open(made);
  return (await squashfs.list(squashfs.root)).map(({ name }) => name);
}

describe("the superblock", () => {
  test("blocks of 4 KiB to 1 MiB, a power of two", async () => {
    for (const blockSize of [4096, 8192, 1024 * 1024]) expect((await open({ blockSize })).root.kind).toBe("folder");
    for (const blockSize of [0, 2048, 4095, 4097, 12_288, 1024 * 1024 + 1, 2 * 1024 * 1024])
      await refused(open({ blockSize }), "its block size is invalid");
  });

  test("tables begin no later than the end", async () => {
    for (const [at, past] of [48, 56, 64, 72, 80].flatMap((at) => [0, 1].map((past) => [at, past] as const))) {
      const superblock = (head: DataView, size: number) => head.setBigUint64(at, BigInt(size + past), true);
      const reading = open({ superblock });
      if (past === 1) await refused(reading, "a table is beyond its end");
      // the tables that the root needs are found to be empty
      else if (at === 48 || at === 64) await refused(reading, "a position is beyond its end");
      else expect((await reading).root.kind).toBe("folder");
    }
  });

  test("its stated size counts, not the file's", async () => {
    const whole = image({});
    expect((await open({}, whole.length + 4096)).root.kind).toBe("folder");
    await refused(open({}, whole.length - 1), `it is cut short: it has ${whole.length - 1} of ${whole.length} bytes`);
    await refused(open({}, 95), "it is cut short");
  });
});

describe("a folder", () => {
  test("a run of its listing has 256 names", async () => {
    const many = (count: number) => listing([...Array(count).keys()].map((at) => `f${at}`));
    expect(await names({ listing: many(256) })).toHaveLength(256);
    await refused(names({ listing: many(257) }), "a folder's listing is wrong");
  });

  test("a name has 256 bytes, and is a name", async () => {
    for (const name of ["n", "n".repeat(256), "...", "\xff"])
      expect(await names({ listing: listing([name]) })).toEqual([name]);
    for (const name of ["n".repeat(257), ".", "..", "a/b", "/", "a\0"])
      await refused(names({ listing: listing([name]) }), "a folder's listing is wrong");
    await refused(names({ listing: listing(["a", "b", "a"]) }), "a folder contains a name twice");
  });

  test("names end with its listing", async () => {
    const both = listing(["a", "b"]);
    expect(await names({ listing: both, listingBytes: both.length })).toEqual(["a", "b"]);
    await refused(names({ listing: both, listingBytes: both.length - 1 }), "a folder's listing is wrong");
    await refused(names({ listing: listing(["a"], 2) }), "its metadata is cut short");
  });

  test("a listing has 256 MiB", async () => {
    const most = 256 * 1024 * 1024;
    // at the limit it is read, and found to be shorter
    const made = { listing: listing(["a"]) };
    await refused(names({ ...made, listingBytes: most }), "its metadata is cut short");
    await refused(names({ ...made, listingBytes: most + 1 }), "a folder is too large");
  });
});

describe("an inode", () => {
  test("a symlink's target has 64 KiB", async () => {
    const link = (bytes: number) =>
      only(inode(3, Buffer.concat([packed([4, 1], [4, bytes]), Buffer.alloc(bytes, "l")])));
    expect((await link(65_536))?.link).toBe("l".repeat(65_536));
    await refused(link(65_537), "a symlink is too long");
  });

  test("a file has 16 Mi blocks", async () => {
    const file = (bytes: bigint) =>
      only(inode(9, packed([8, 0], [8, bytes], [8, 0], [4, 1], [4, 0xffffffff], [4, 0], [4, 0xffffffff])));
    const most = 131_072n * 16n * 1024n * 1024n;
    expect((await file(0n))?.size).toBe(0);
    // at the limit its blocks are looked for, and are not there
    await refused(file(most), "its metadata is cut short");
    await refused(file(most + 1n), "a file is too large");
  });

  test("types are 1 to 14, and the root is a folder", async () => {
    const rest = packed([4, 1], [4, 0xffffffff]);
    for (const type of [6, 7, 13, 14])
      expect((await only(inode(type, rest)))?.kind).toBe(type % 7 === 6 ? "fifo" : "socket");
    for (const type of [0, 15, 0xffff]) await refused(only(inode(type, rest)), "an inode is of an unknown type");
    await refused(open({ rootType: 13 }), "its root is not a folder");
  });

  test("its owner is in the table", async () => {
    const fifo = (owner: number) => only(inode(6, packed([4, 1]), owner));
    expect(await fifo(0)).toMatchObject({ uid: 1000, gid: 1000 });
    await refused(fifo(1), "an owner is not in its table");
  });
});

describe("extended attributes", () => {
  const user = 0;
  const elsewhere = 0x100;
  const attribute = (value: Uint8Array, type = user, length = value.length) =>
    Buffer.concat([packed([2, type], [2, 1]), Buffer.from("k"), packed([4, length]), value]);
  const read = async (list: Uint8Array, count: number, xattrIndex = 0) => {
    const squashfs = await open({ attributes: { list, count }, xattrIndex });
    return squashfs.xattrs(squashfs.root);
  };

  test("a list is in the table", async () => {
    const list = attribute(Buffer.from("v"));
    expect(await read(list, 1)).toEqual(new Map([["user.k", "v"]]));
    expect(await read(list, 1, 0xffffffff)).toEqual(new Map());
    await refused(read(list, 1, 1), "extended attributes are not in their table");
  });

  test("a file has 10,000 of them", async () => {
    const list = Buffer.concat(Array(10_001).fill(attribute(Buffer.from("v"))));
    expect((await read(list, 10_000)).size).toBe(1);
    await refused(read(list, 10_001), "a file has too many extended attributes");
  });

  test("a value has 64 KiB, beside its name or elsewhere", async () => {
    const value = (bytes: number) => Buffer.alloc(bytes, "v");
    expect((await read(attribute(value(65_536)), 1)).get("user.k")).toHaveLength(65_536);
    await refused(read(attribute(value(65_537)), 1), "an extended attribute is too large");
    // the list is one attribute of 17 bytes that leads behind itself
    const far = (bytes: number) =>
      Buffer.concat([attribute(packed([8, 17]), elsewhere), packed([4, bytes]), value(bytes)]);
    expect((await read(far(65_536), 1)).get("user.k")).toHaveLength(65_536);
    await refused(read(far(65_537), 1), "an extended attribute is too large");
    for (const bytes of [7, 9])
      await refused(read(attribute(value(bytes), elsewhere), 1), "an extended attribute points nowhere");
  });
});

test("a block of metadata has 1 to 8192 bytes", async () => {
  const sized = (word: number) =>
    open({ superblock: (head) => head.setUint16(96, word, true), rest: Buffer.alloc(9000) });
  expect((await sized(0x8000 | 8192)).root.kind).toBe("folder");
  for (const word of [0x8000, 0, 0x8000 | 8193, 8193, 0xffff])
    await refused(sized(word), "a metadata block's length is wrong");
});
