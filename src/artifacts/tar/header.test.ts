import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../../base/testing/budget.ts";
import { blockSize, isZeroBlock, parseHeader, type TarEntry, TarError } from "./header.ts";
import { encodeHeader } from "./writer.ts";

const entry = {
  name: "a/b",
  kind: "file",
  mode: 0o4755,
  uid: 7,
  gid: 8,
  size: 12,
  mtime: 99,
  link: "",
} satisfies TarEntry;

test("a header that was written is read back", () => {
  const { kind: _, ...fields } = entry;
  expect(parseHeader(encodeHeader(entry))).toEqual({ ...fields, type: "0", device: { major: 0, minor: 0 } });
});

test("one flipped bit is noticed by the checksum", () => {
  const block = encodeHeader(entry);
  block[3] = (block[3] as number) ^ 1;
  expect(() => parseHeader(block)).toThrow(TarError);
});

test("GNU's large numbers are read", () => {
  const block = encodeHeader(entry);
  block.fill(0, 124, 136);
  block[124] = 0x80;
  block[131] = 2;
  fixChecksum(block);
  expect(parseHeader(block).size).toBe(2 * 2 ** 32);
});

test("the prefix field counts in POSIX headers", () => {
  const block = encodeHeader(entry);
  block.set(new TextEncoder().encode("deep/er"), 345);
  fixChecksum(block);
  expect(parseHeader(block).name).toBe("deep/er/a/b");
});

test("any 512 bytes parse or are refused with TarError, never otherwise", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: blockSize, maxLength: blockSize }), fc.boolean(), (block, fix) => {
      if (fix) fixChecksum(block);
      try {
        const header = parseHeader(block);
        expect(Number.isSafeInteger(header.size) && header.size >= 0).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(TarError);
      }
    }),
    { numRuns: runs(2000) },
  );
});

test("an empty block is told from others", () => {
  expect(isZeroBlock(new Uint8Array(blockSize))).toBe(true);
  expect(isZeroBlock(encodeHeader(entry))).toBe(false);
});

function fixChecksum(block: Uint8Array): void {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
}
