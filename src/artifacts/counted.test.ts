/** Streams are limited by the bytes received: at the limit they pass, with one byte more they do not. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Digest } from "../base/names.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { BundleError } from "./bundle/manifest.ts";
import { unpackedFile } from "./bundle/unpacked.ts";
import { CountedStream } from "./counted.ts";

test("at the limit, and one past it", () => {
  const counted = new CountedStream(10, () => {});
  expect([counted.add(new Uint8Array(4)), counted.add(new Uint8Array(6)), counted.add(new Uint8Array(1))]).toEqual([
    true,
    true,
    false,
  ]);
  expect(counted.bytes).toBe(11);
});

const content = Buffer.from(new Uint8Array(100_000));
const digest = `sha256:${createHash("sha256").update(content).digest("hex")}` as Digest;

test.each([
  ["gzip", gzipSync(content)],
  ["zstd", zstdCompressSync(content)],
])("a bundle's file in %s must unpack to the size in its manifest, whatever its packed size", async (_, packed) => {
  using temp = tempFolder("counted");
  const path = `${temp.path}/a`;
  writeFileSync(path, packed);
  const unpack = async (size: number) => {
    let bytes = 0;
    const file = { file: "a", digest, size: packed.length, tar: { digest, size } };
    for await (const chunk of unpackedFile(path, file)) bytes += chunk.length;
    return bytes;
  };
  expect(await unpack(content.length)).toBe(content.length);
  await expect(unpack(content.length - 1)).rejects.toBeInstanceOf(BundleError);
});
