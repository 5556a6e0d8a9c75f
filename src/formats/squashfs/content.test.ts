/** What a file's content is put together from: blocks, holes, and pieces of fragments. */
import { expect, test } from "bun:test";
import { deflateSync } from "node:zlib";
import { openSquashfs, SquashfsError } from "./reader.ts";
import { contentStart, type Fields, image, inode, listing, type Made, packed, plainBlock } from "./testing/image.ts";

const none = 0xffffffff;
const blockSize = 4096;

type Description = { size: number; words?: number[]; fragment?: number; offset?: number };

/** An extended inode. */
function file({ size, words = [], fragment = none, offset = 0 }: Description): Buffer {
  const fields: Fields = [
    [8, contentStart],
    [8, size],
    [8, 0],
    [4, 1],
    [4, fragment],
    [4, offset],
    [4, none],
  ];
  return inode(9, packed(...fields, ...words.map((word): Fields[number] => [4, word])));
}

/** @returns reads the only file; `reads` has the positions in the image that were read */
async function opened(described: Description, made: Made) {
  const bytes = image({ blockSize, ...made, rest: file(described), listing: listing(["a"]) });
  const reads: number[] = [];
  const readAt = async (offset: number, length: number) => {
    reads.push(offset);
    return bytes.subarray(offset, offset + length);
  };
  const squashfs = await openSquashfs({ readAt }, bytes.length);
  const node = await squashfs.lookup("a");
  if (!node) throw new Error("its only name is missing");
  const read = async (at: object = {}) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of squashfs.content({ ...node, at: { ...node.at, ...at } as never })) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  return { read, reads };
}

async function content(described: Description, made: Made): Promise<Buffer> {
  return (await opened(described, made)).read();
}

async function refused(reading: Promise<unknown>, problem: string): Promise<void> {
  await expect(reading).rejects.toEqual(new SquashfsError(problem));
}

const letters = (letter: string, count: number) => Buffer.alloc(count, letter);

test("blocks as they are, packed ones, holes, and a shorter last one", async () => {
  const squeezed = deflateSync(letters("b", blockSize));
  const stored = Buffer.concat([letters("a", blockSize), squeezed, letters("c", 5)]);
  const words = [plainBlock + blockSize, squeezed.length, 0, plainBlock + 5];
  expect(await content({ size: 3 * blockSize + 5, words }, { content: stored })).toEqual(
    Buffer.concat([letters("a", blockSize), letters("b", blockSize), Buffer.alloc(blockSize), letters("c", 5)]),
  );
  expect(await content({ size: blockSize + 7, words: [0, 0] }, {})).toEqual(Buffer.alloc(blockSize + 7));
});

test("a block is as long as its part of the file, and stored in no more than a block", async () => {
  const made = { content: letters("a", blockSize + 1) };
  const one = (word: number, size = blockSize) => content({ size, words: [word] }, made);
  expect(await one(plainBlock + blockSize)).toHaveLength(blockSize);
  await refused(one(plainBlock + blockSize + 1), "a block is too long");
  for (const word of [plainBlock + blockSize - 1, plainBlock + 1])
    await refused(one(word), "a block has another length than its file");
  await refused(one(plainBlock + 6, 5), "a block has another length than its file");
  await refused(one(12), "a block can't be unpacked");
  const bomb = deflateSync(letters("b", blockSize + 1));
  await refused(content({ size: blockSize, words: [bomb.length] }, { content: bomb }), "a block can't be unpacked");
});

test("an end is in its fragment", async () => {
  const made = { content: letters("x", 20), fragments: [{ start: contentStart, word: plainBlock + 20 }] };
  made.content.write("end", 17);
  const end = (size: number, offset: number) => content({ size, fragment: 0, offset }, made);
  expect((await end(3, 17)).toString()).toBe("end");
  expect((await end(1, 17)).toString()).toBe("e");
  await refused(end(4, 17), "a file's end is beyond its fragment");
  await refused(end(3, 18), "a file's end is beyond its fragment");
  expect(await end(0, 20)).toHaveLength(0);
  const both = { ...made, content: Buffer.concat([letters("y", blockSize), made.content]) };
  both.fragments = [{ start: contentStart + blockSize, word: plainBlock + 20 }];
  const words = [plainBlock + blockSize];
  const whole = await content({ size: blockSize + 3, words, fragment: 0, offset: 17 }, both);
  expect(whole).toEqual(Buffer.concat([letters("y", blockSize), Buffer.from("end")]));
});

test("fragments are those of the table, in its blocks of 512", async () => {
  const stored = packed(...Array.from({ length: 600 }, (_, at): Fields[number] => [2, at]));
  const fragments = Array.from({ length: 600 }, (_, at) => ({ start: contentStart + 2 * at, word: plainBlock + 2 }));
  const made = { content: stored, fragments };
  for (const fragment of [0, 511, 512, 599])
    expect((await content({ size: 2, fragment }, made)).readUInt16LE()).toBe(fragment);
  await refused(content({ size: 2, fragment: 600 }, made), "there is no such fragment");
  await refused(content({ size: 2, fragment: 0 }, {}), "there is no such fragment");
});

test("16 MiB of fragments are kept, those that were used last", async () => {
  const size = 1024 * 1024;
  const fragments = Array.from({ length: 18 }, (_, at) => ({ start: contentStart + at, word: plainBlock + 1 }));
  const made = { blockSize: size, content: letters("f", 18), fragments };
  const { read, reads } = await opened({ size: 1, fragment: 0 }, made);
  const isKept = async (fragment: number) => {
    const before = reads.length;
    await read({ fragment });
    return !reads.slice(before).includes(contentStart + fragment);
  };
  for (let fragment = 0; fragment < 16; fragment++) expect(await isKept(fragment)).toBe(false);
  expect(await isKept(0)).toBe(true);
  expect(await isKept(16)).toBe(false);
  expect([await isKept(0), await isKept(2), await isKept(1)]).toEqual([true, true, false]);
});

test("only files have content", async () => {
  const { read } = await opened({ size: 0 }, {});
  await refused(read({ kind: "other" }), "only files have content");
});
