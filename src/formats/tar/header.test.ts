import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../../base/testing/budget.ts";
import { blockSize, isHeader, isZeroBlock, number, parseHeader, shown, type TarEntry, TarError } from "./header.ts";
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

test("a written header can be read back", () => {
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

test("only POSIX headers have a prefix: others use these bytes differently", () => {
  for (const magic of ["ustar  \0", "\0\0\0\0\0\0\0\0"]) {
    const block = encodeHeader(entry);
    block.set(new TextEncoder().encode(magic), 257);
    block.set(new TextEncoder().encode("deep/er"), 345);
    fixChecksum(block);
    expect(parseHeader(block).name).toBe("a/b");
  }
});

test("the whole of a field counts, and no byte past it", () => {
  const block = encodeHeader(entry);
  block.fill(0x61, 0, 100);
  block.fill(0x62, 157, 257);
  block.fill(0x63, 345, 500);
  block.fill(0x64, 500);
  fixChecksum(block);
  expect(parseHeader(block)).toMatchObject({ name: `${"c".repeat(155)}/${"a".repeat(100)}`, link: "b".repeat(100) });
});

test("a mode keeps only its permission bits", () => {
  const block = encodeHeader(entry);
  block.set(new TextEncoder().encode("0177777"), 100);
  fixChecksum(block);
  expect(parseHeader(block).mode).toBe(0o7777);
});

test("a time before 1970, which GNU tar writes, is 1970", () => {
  const block = encodeHeader(entry);
  block.fill(0xff, 136, 148);
  fixChecksum(block);
  expect(parseHeader(block).mtime).toBe(0);
});

test("a device has its numbers if the header has room for them", () => {
  const block = encodeHeader({ ...entry, kind: "block", device: { major: 259, minor: 3 } });
  expect(parseHeader(block).device).toEqual({ major: 259, minor: 3 });
  block.fill(0, 257, 265);
  fixChecksum(block);
  expect(parseHeader(block).device).toEqual({ major: 0, minor: 0 });
});

test("an unset type is a file", () => {
  const block = encodeHeader(entry);
  block[156] = 0;
  fixChecksum(block);
  expect(parseHeader(block).type).toBe("0");
});

const numbers: [name: string, bytes: number[], value: number | null, signed?: boolean][] = [
  ["octal", [0x30, 0x31, 0x37, 0], 0o17],
  ["octal after spaces", [0x20, 0x31, 0x37, 0x20], 0o17],
  ["nothing", [0, 0, 0, 0], 0],
  ["no octal digit", [0x30, 0x38, 0, 0], null],
  ["base 256", [0x80, 0, 1, 2], 258],
  ["base 256, first byte too", [0x81, 0, 0, 0], 2 ** 24],
  ["base 256, 2^53 - 1", [0x80, 0x1f, ...Array<number>(6).fill(0xff)], 2 ** 53 - 1],
  ["base 256, 2^53", [0x80, 0x20, ...Array<number>(6).fill(0)], null],
  ["negative", Array<number>(12).fill(0xff), null],
  ["a negative time", Array<number>(12).fill(0xff), 0, true],
];
for (const [name, bytes, value, signed] of numbers) {
  test(`a number: ${name}`, () => {
    const block = Uint8Array.from([0x37, ...bytes, 0x37]);
    const read = () => number(block, 1, bytes.length, "size", signed);
    if (value === null) expect(read).toThrow(TarError);
    else expect(read()).toBe(value);
  });
}

test("a name is shown with 200 characters, of up to 400 bytes", () => {
  expect(shown("a".repeat(201))).toBe(`"${"a".repeat(200)}"`);
  const wide = Buffer.from("\u00e9".repeat(201)).toString("latin1");
  expect(shown(wide)).toBe(`"${"\u00e9".repeat(200)}"`);
  const wider = Buffer.from("\u20ac".repeat(201)).toString("latin1");
  expect(shown(wider).length).toBeLessThan(2 + 135);
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

test("a zero block is recognized", () => {
  expect(isZeroBlock(new Uint8Array(blockSize))).toBe(true);
  for (let at = 0; at < blockSize; at++) {
    const block = new Uint8Array(blockSize);
    block[at] = 1;
    expect(isZeroBlock(block)).toBe(false);
  }
  expect(isZeroBlock(new Uint8Array(blockSize + 1).fill(1, blockSize))).toBe(true);
});

function fixChecksum(block: Uint8Array): void {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
}

test("a checksum over signed bytes is valid too, as in old programs", () => {
  const block = encodeHeader({ ...entry, name: "caf\xe9\xff" });
  block.fill(0x20, 148, 156);
  const sum = block.reduce((all, byte) => all + (byte > 0x7f ? byte - 256 : byte), 0);
  block.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  expect(isHeader(block)).toBe(true);
  expect(parseHeader(block).name).toBe("caf\xe9\xff");
  block.set(Buffer.from(`${(sum + 256).toString(8).padStart(6, "0")}\0 `), 148);
  expect(isHeader(block)).toBe(false);
});

test("a number ends at the first space or NUL", () => {
  const read = (text: string) => number(Buffer.from(text, "latin1"), 0, 8, "mode");
  expect([read("644\0\xff\xff\xffz"), read("  644 zz"), read("0000644\0"), read("\0\0\0\0\0\0\0\0")]).toEqual([
    0o644, 0o644, 0o644, 0,
  ]);
  for (const text of ["644zzzz\0", "  zz    ", "\0zzzzzzz", "-644    "])
    expect(() => read(text)).toThrow("is not a number");
});
