/** What is read of a squashfs file, and where its superblock says that everything is. */
import { expect, test } from "bun:test";
import { deflateSync, zstdCompressSync } from "node:zlib";
import { Source } from "./source.ts";
import { image, type Made } from "./testing/image.ts";

function open(bytes: Uint8Array): Promise<Source> {
  return Source.open({ readAt: async (at, length) => bytes.subarray(at, at + length) }, bytes.length);
}

const opened = (made: Made) => open(image(made));
const compressed = (id: number) => opened({ superblock: (head) => head.setUint16(20, id, true) });

test("reads are within the file", async () => {
  const bytes = image({});
  const source = await open(bytes);
  const { length } = bytes;
  for (const [at, count] of [
    [0, 4],
    [0, length],
    [1, 1],
    [length - 1, 1],
    [5, 0],
    [length, 0],
  ] as const)
    expect(Buffer.from(await source.read(at, count))).toEqual(Buffer.from(bytes.subarray(at, at + count)));
  for (const [at, count] of [
    [-1, 2],
    [4, -1],
    [0, length + 1],
    [length, 1],
  ] as const)
    await expect(source.read(at, count)).rejects.toThrow("a position is beyond its end");
});

test("gzip, lz4 and zstd are unpacked, to no more than the limit", async () => {
  const content = Buffer.alloc(1000, "squash");
  // LZ4: 1000 literal bytes, whose number is 15 in the token and 985 behind it
  const literals = Buffer.concat([Uint8Array.of(0xf0, 255, 255, 255, 220), content]);
  for (const [id, packed] of [
    [1, deflateSync(content)],
    [5, literals],
    [6, zstdCompressSync(content)],
  ] as const) {
    const source = await compressed(id);
    expect(Buffer.from(source.unpack(packed, 1000)).equals(content)).toBe(true);
    expect(() => source.unpack(packed, 999)).toThrow("a block can't be unpacked");
    expect(() => source.unpack(Buffer.from([0x10, 0, 0, 9, 9]), 1000)).toThrow("a block can't be unpacked");
  }
  for (const id of [2, 3, 4]) await expect(compressed(id)).rejects.toThrow("can't be read here");
});

test("each field of the superblock is read from its own place", async () => {
  const none = 0xffff_ffff_ffff_ffffn;
  const fields: [at: number, value: bigint][] = [
    [32, 0x1122_3344_5566n],
    [48, 1n],
    [56, none],
    [64, 3n],
    [72, 4n],
    [80, none],
  ];
  const superblock = (head: DataView) => {
    head.setUint32(16, 0x01020304, true);
    head.setUint16(26, 0x0506, true);
    for (const [at, value] of fields) head.setBigUint64(at, value, true);
  };
  const { layout } = await opened({ blockSize: 65_536, superblock });
  expect(layout).toEqual({
    blockSize: 65_536,
    fragments: 0x01020304,
    ids: 0x0506,
    root: 0x1122_3344_5566n,
    idTable: 1,
    xattrTable: null,
    inodeTable: 3,
    directoryTable: 4,
    fragmentTable: null,
  });
});

test("a block has 4 KiB to 1 MiB, a power of two", async () => {
  const size = (blockSize: number) => opened({ superblock: (head) => head.setUint32(12, blockSize, true) });
  for (const good of [4096, 8192, 1024 * 1024]) expect((await size(good)).layout.blockSize).toBe(good);
  for (const bad of [0, 2048, 4097, 12_288, 1025 * 1024, 2 * 1024 * 1024])
    await expect(size(bad)).rejects.toThrow("its block size is invalid");
});
