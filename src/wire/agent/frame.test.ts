import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { patience, runs } from "../../base/testing/budget.ts";
import { encodeFrame, FrameDecoder } from "./frame.ts";
import { magic, preamble, tagOf } from "./preamble.ts";
import { type Frame, maxPayload } from "./types.ts";

type Vectors = {
  frames: { name: string; type: number; stream: number; tag: number; payloadHex: string; encodedHex: string }[];
  rejected: { name: string; tag: number; encodedHex: string; why: string }[];
  preamble: { nonceHex: string; encodedHex: string; tag: number };
};

const vectorsFile = new URL("../../../protocol/vectors.json", import.meta.url);
const vectors = JSON.parse(readFileSync(vectorsFile, "utf8")) as Vectors;
const hex = (text: string) => Buffer.from(text, "hex");

function decodeAll(chunks: Uint8Array[], tag: number): Frame[] {
  const frames: Frame[] = [];
  const decoder = new FrameDecoder(tag);
  for (const chunk of chunks)
    decoder.push(chunk, (frame) => frames.push({ ...frame, payload: new Uint8Array(frame.payload) }));
  return frames;
}

describe("golden vectors", () => {
  for (const { name, type, stream, tag, payloadHex, encodedHex } of vectors.frames) {
    test(name, () => {
      const frame = { type, stream, payload: hex(payloadHex) };
      expect(Buffer.from(encodeFrame(frame, tag)).toString("hex")).toBe(encodedHex);
      const [decoded] = decodeAll([hex(encodedHex)], tag);
      expect(decoded).toMatchObject({ type, stream });
      expect(Buffer.from(decoded?.payload ?? []).toString("hex")).toBe(payloadHex);
    });
  }

  for (const { name, tag, encodedHex, why } of vectors.rejected) {
    test(`refused: ${name}`, () => {
      const whole = () => decodeAll([hex(encodedHex)], tag);
      const byBytes = () =>
        decodeAll(
          [...hex(encodedHex)].map((byte) => Uint8Array.of(byte)),
          tag,
        );
      expect(whole, why).toThrow(expect.objectContaining({ code: "AGENT_PROTOCOL" }));
      expect(byBytes, why).toThrow(expect.objectContaining({ code: "AGENT_PROTOCOL" }));
    });
  }

  test("preamble", () => {
    const { nonceHex, encodedHex, tag } = vectors.preamble;
    expect(preamble(hex(nonceHex), false).toString("hex")).toBe(encodedHex);
    expect(tagOf(hex(nonceHex))).toBe(tag);
  });
});

const frameType = fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9, 0x10, 0x11, 0x12, 0x20, 0x21, 0x22);
const anyFrame = fc.record({
  type: frameType,
  stream: fc.nat(0xffffffff),
  payload: fc.uint8Array({ maxLength: 300 }),
});
const anyTag = fc.nat(0xffffffff);

test(
  "frames come out as they went in, however the bytes are cut",
  () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), anyTag, cuts, (frames, tag, sizes) => {
        const bytes = Buffer.concat(frames.map((frame) => encodeFrame(frame, tag)));
        expect(decodeAll(cut(bytes, sizes), tag)).toEqual(frames);
      }),
      { numRuns: runs(200) },
    );
  },
  patience,
);

test(
  "noise is refused or waited for, never believed to be longer than the limit",
  () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 64 }), { maxLength: 20 }),
        anyTag,
        (chunks, tag) => {
          try {
            for (const frame of decodeAll(chunks, tag)) expect(frame.payload.length).toBeLessThanOrEqual(maxPayload);
          } catch (error) {
            expect(error).toMatchObject({ code: "AGENT_PROTOCOL" });
          }
        },
      ),
      { numRuns: runs(500) },
    );
  },
  patience,
);

test("a whole frame is a view of the chunk, not a copy", () => {
  const chunk = encodeFrame({ type: 0x10, stream: 1, payload: new Uint8Array(1000) }, 0);
  let payload: Uint8Array | undefined;
  new FrameDecoder(0).push(chunk, (frame) => {
    payload = frame.payload;
  });
  expect(payload?.buffer).toBe(chunk.buffer);
});

test("a payload over the limit can't be sent, and no frame begins as the magic does", () => {
  const payload = new Uint8Array(maxPayload + 1);
  expect(() => encodeFrame({ type: 0x10, stream: 1, payload }, 0)).toThrow(RangeError);
  expect(() => decodeAll([magic], 0)).toThrow(expect.objectContaining({ code: "AGENT_PROTOCOL" }));
});

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
