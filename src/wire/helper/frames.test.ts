import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeBody, encodeFrame, FrameError, FrameReader } from "./frames.ts";
import { maxFrame } from "./verbs.ts";

const head = (length: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(length);
  return bytes;
};

test("a frame is its length and its JSON", () => {
  expect(Buffer.from(encodeFrame({ id: 1 })).toString("hex")).toBe(
    `08000000${Buffer.from('{"id":1}').toString("hex")}`,
  );
  expect(() => encodeFrame("x".repeat(maxFrame))).toThrow(FrameError);
});

test("frames come out whole, however they are cut", () => {
  const split = fc.tuple(fc.array(fc.jsonValue(), { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 40 })));
  fc.assert(
    fc.property(split, ([values, sizes]) => {
      const bytes = Buffer.concat(values.map(encodeFrame));
      const reader = new FrameReader();
      const found: unknown[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length] ?? bytes.length;
        for (const body of reader.push(bytes.subarray(at, at + size))) found.push(decodeBody(body));
        at += size;
      }
      expect(reader.isPartial).toBe(false);
      expect(JSON.stringify(found)).toBe(JSON.stringify(values));
    }),
  );
});

test("a partial frame is known as such", () => {
  const reader = new FrameReader();
  expect(reader.isPartial).toBe(false);
  expect(reader.push(head(5).subarray(0, 1))).toEqual([]);
  expect(reader.isPartial).toBe(true);
  reader.push(head(5).subarray(1));
  expect(reader.push(Buffer.from('"abc"'))).toHaveLength(1);
  expect(reader.isPartial).toBe(false);
});

test.each([0, maxFrame + 1, 0xffff_ffff])("a frame of %d bytes is refused as soon as its length is read", (length) => {
  const reader = new FrameReader();
  expect(() => reader.push(head(length))).toThrow(FrameError);
  // and nothing after it is believed
  expect(() => reader.push(encodeFrame({ id: 1 }))).toThrow(FrameError);
});

test("the longest frame is taken", () => {
  const body = Buffer.from(JSON.stringify("x".repeat(maxFrame - 2)));
  expect(new FrameReader().push(Buffer.concat([head(body.length), body]))).toHaveLength(1);
});

test.each([
  ["not JSON", Buffer.from("{")],
  ["not UTF-8", Buffer.from([0x22, 0xff, 0x22])],
  ["a byte order mark", Buffer.from("\ufeff{}")],
  ["16,000 open brackets", Buffer.from("[".repeat(16_000))],
])("%s is refused", (_, body) => {
  expect(() => decodeBody(body)).toThrow(FrameError);
});

test("no bytes make it throw anything else, or keep more than a frame", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
      const reader = new FrameReader();
      try {
        for (const chunk of chunks) for (const body of reader.push(chunk)) decodeBody(body);
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
    }),
  );
});
