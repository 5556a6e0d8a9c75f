/** Runs of metadata blocks: where each begins and ends, and which are kept. */
import { expect, test } from "bun:test";
import { Metadata } from "./metadata.ts";
import { packed } from "./testing/image.ts";

const blockBytes = 8192;
const plain = 0x8000;

/** Metadata in `bytes`, whose packed blocks are `unpacked`; `log` has what was asked for. */
function open(bytes: Uint8Array, unpacked = new Uint8Array()) {
  const log: string[] = [];
  const read = async (position: number, length: number) => {
    log.push(`read ${length} at ${position}`);
    return bytes.subarray(position, position + length);
  };
  const unpack = (content: Uint8Array, most: number) => {
    log.push(`unpack ${content.length} to ${most}`);
    return unpacked;
  };
  return { metadata: new Metadata({ read, unpack }), log };
}

/** Blocks that are stored as they are, each of so many bytes, which have its number. */
const blocks = (...lengths: number[]) =>
  Buffer.concat(lengths.flatMap((length, at) => [packed([2, plain | length]), Buffer.alloc(length, at + 1)]));

const bytesOf = ({ buffer, byteOffset, byteLength }: DataView) => [...new Uint8Array(buffer, byteOffset, byteLength)];

test("a block is unpacked unless its length says that it is plain", async () => {
  const stored = open(blocks(3));
  expect(bytesOf(await stored.metadata.cursor(0, 1).read(2))).toEqual([1, 1]);
  expect(stored.log).toEqual(["read 2 at 0", "read 3 at 2"]);
  const small = open(Buffer.concat([packed([2, 3]), Buffer.from("abc")]), Uint8Array.of(7, 8, 9, 10));
  expect(bytesOf(await small.metadata.cursor(0, 1).read(3))).toEqual([8, 9, 10]);
  expect(small.log).toEqual(["read 2 at 0", "read 3 at 2", `unpack 3 to ${blockBytes}`]);
});

test("a block has between one byte and 8 KiB", async () => {
  for (const word of [plain, 0, plain | (blockBytes + 1), blockBytes + 1]) {
    const { metadata } = open(Buffer.concat([packed([2, word]), Buffer.alloc(blockBytes + 1)]));
    await expect(metadata.cursor(0, 0).read(1)).rejects.toThrow("a metadata block's length is wrong");
  }
  expect(bytesOf(await open(blocks(1)).metadata.cursor(0, 0).read(1))).toEqual([1]);
  expect((await open(blocks(blockBytes)).metadata.cursor(0, 0).read(blockBytes)).byteLength).toBe(blockBytes);
});

test("a read continues into the next block only if it needs to", async () => {
  const { metadata, log } = open(blocks(blockBytes, blockBytes, 4));
  const cursor = metadata.cursor(0, blockBytes - 2);
  expect(bytesOf(await cursor.read(2))).toEqual([1, 1]);
  expect(log).toHaveLength(2);
  expect(bytesOf(await cursor.read(3))).toEqual([2, 2, 2]);
  const long = await cursor.read(blockBytes + 1);
  expect(bytesOf(long).filter((byte) => byte === 2)).toHaveLength(blockBytes - 3);
  expect(bytesOf(long).slice(-4)).toEqual([3, 3, 3, 3]);
  await expect(cursor.read(1)).rejects.toThrow("its metadata is cut short");
});

test("a position is in its block, or at its end", async () => {
  const cursor = (offset: number) => open(blocks(blockBytes, 4)).metadata.cursor(0, offset);
  expect(bytesOf(await cursor(blockBytes).read(1))).toEqual([2]);
  for (const length of [0, 1])
    await expect(cursor(blockBytes + 1).read(length)).rejects.toThrow("it points beyond a metadata block");
});

test("512 blocks are kept, those that were used last", async () => {
  const count = 513;
  const { metadata, log } = open(blocks(...Array.from({ length: count }, () => 1)));
  const read = async (at: number) => {
    const before = log.length;
    await metadata.cursor(at * 3, 0).read(1);
    return log.length > before;
  };
  for (let at = 0; at < count - 1; at++) expect(await read(at)).toBe(true);
  expect(await read(0)).toBe(false);
  // the first was used since, so the second has to go
  expect(await read(count - 1)).toBe(true);
  expect([await read(0), await read(2), await read(1)]).toEqual([false, false, true]);
});
