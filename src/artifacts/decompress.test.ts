import { expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { patience, runs } from "../base/testing/budget.ts";
import { chunked, collect } from "../formats/tar/testing/archive.ts";
import { CompressionError, decompressed } from "./decompress.ts";

const text = new Uint8Array(Buffer.from("some text, again and again. ".repeat(100_000)));

for (const [name, packed] of [
  ["no compression", text],
  ["gzip", gzipSync(text)],
  ["gzip in two members", Buffer.concat([gzipSync(text.subarray(0, 1000)), gzipSync(text.subarray(1000))])],
  ["zstd", zstdCompressSync(text)],
  ["zstd behind frames to skip", Buffer.concat([skippable(0x50, "1234"), skippable(0x5f, ""), zstdCompressSync(text)])],
  [
    "zstd around a frame to skip",
    Buffer.concat([
      zstdCompressSync(text.subarray(0, 1000)),
      skippable(0x57, "x".repeat(5000)),
      zstdCompressSync(text.subarray(1000)),
    ]),
  ],
] as const) {
  test(`${name} is unpacked, however the stream is cut`, async () => {
    for (const step of [1_000_000, 4099, 3]) {
      if (step === 3 && packed.length > 100_000) continue;
      expect(Buffer.compare(await collect(decompressed(chunked(packed, [step]))), text)).toBe(0);
    }
  });
}

function skippable(first: number, content: string): Buffer {
  const head = Buffer.from([first, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, Buffer.from(content)]);
}

test("an empty stream stays empty", async () => {
  expect(await collect(decompressed(chunked(new Uint8Array())))).toHaveLength(0);
});

test("truncated, damaged and unsupported streams are refused", async () => {
  const gzip = gzipSync(text);
  const damaged = new Uint8Array(gzip);
  damaged.fill(7, 200, 300);
  const xz = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2]);
  for (const bad of [gzip.subarray(0, gzip.length - 20), damaged, xz]) {
    await expect(collect(decompressed(chunked(bad, [999])))).rejects.toThrow(CompressionError);
  }
});

test("a failure of the source becomes the stream's failure", async () => {
  const broken = async function* () {
    yield gzipSync(text).subarray(0, 2000);
    throw new Error("line lost");
  };
  await expect(collect(decompressed(broken()))).rejects.toThrow("line lost");
});

test("a reader that leaves early ends the source", async () => {
  let ended = false;
  const source = async function* () {
    try {
      for (;;) yield gzipSync(text);
    } finally {
      ended = true;
    }
  };
  for await (const _ of decompressed(source())) break;
  expect(ended).toBe(true);
});

test(
  "a stream damaged in any way ends with bytes or with CompressionError",
  async () => {
    const some = text.subarray(0, 20_000);
    const packed = fc.constantFrom(gzipSync(some), zstdCompressSync(some));
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(
        packed,
        fc.array(change, { maxLength: 5 }),
        fc.nat(),
        fc.nat(3),
        async (good, changes, cut, how) => {
          const bad = new Uint8Array(how === 0 ? good.subarray(0, cut % (good.length + 1)) : good);
          // the magic is kept: without it the bytes do not count as compressed
          for (const [at, value] of changes) if (bad.length > 6) bad[4 + (at % (bad.length - 4))] = value;
          try {
            for await (const chunk of decompressed(chunked(bad, [97]))) expect(chunk.length).toBeGreaterThanOrEqual(0);
          } catch (error) {
            if (!(error instanceof CompressionError)) throw error;
          }
        },
      ),
      { numRuns: runs(150) },
    );
  },
  patience,
);
