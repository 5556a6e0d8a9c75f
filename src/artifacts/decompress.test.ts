import { expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { CompressionError, decompressed } from "./decompress.ts";
import { chunked, collect } from "./tar/testing/archive.ts";

const text = new Uint8Array(Buffer.from("some text, again and again. ".repeat(100_000)));

for (const [name, packed] of [
  ["no compression", text],
  ["gzip", gzipSync(text)],
  ["gzip in two members", Buffer.concat([gzipSync(text.subarray(0, 1000)), gzipSync(text.subarray(1000))])],
  ["zstd", zstdCompressSync(text)],
] as const) {
  test(`${name} is unpacked, however the stream is cut`, async () => {
    for (const step of [1_000_000, 4099, 3]) {
      if (step === 3 && packed.length > 100_000) continue;
      expect(Buffer.compare(await collect(decompressed(chunked(packed, [step]))), text)).toBe(0);
    }
  });
}

test("nothing is nothing", async () => {
  expect(await collect(decompressed(chunked(new Uint8Array())))).toHaveLength(0);
});

test("what is cut, damaged or packed otherwise is refused", async () => {
  const gzip = gzipSync(text);
  const damaged = new Uint8Array(gzip);
  damaged.fill(7, 200, 300);
  const xz = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2]);
  for (const bad of [gzip.subarray(0, gzip.length - 20), damaged, xz]) {
    await expect(collect(decompressed(chunked(bad, [999])))).rejects.toThrow(CompressionError);
  }
});

test("the source's own failure is the stream's", async () => {
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
