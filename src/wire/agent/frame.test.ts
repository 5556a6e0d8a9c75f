import { expect, test } from "bun:test";
import fc from "fast-check";
import { patience, runs } from "../../base/testing/budget.ts";
import { encodeFrame, FrameDecoder, frameRoom } from "./frame.ts";
import { magic } from "./preamble.ts";
import { decodeAll } from "./testing/decode.ts";
import { maxPayload } from "./types.ts";

const frameType = fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9, 0x10, 0x11, 0x12, 0x20, 0x21, 0x22);
const anyFrame = fc.record({
  type: frameType,
  stream: fc.nat(0xffffffff),
  payload: fc.uint8Array({ maxLength: 300 }),
});
const anyTag = fc.nat(0xffffffff);

test(
  "frames are decoded as encoded, however the bytes are split",
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
  "noise is refused or an incomplete frame, never a frame beyond the limit",
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

test("a large frame is sent on with another head and tag, in its own bytes", () => {
  const payload = new Uint8Array(maxPayload).map((_, at) => at);
  const chunk = encodeFrame({ type: 0x10, stream: 1, payload }, 7);
  let changed: Uint8Array = new Uint8Array();
  new FrameDecoder(7).push(chunk, (frame) => {
    changed = encodeFrame({ ...frame, type: 0x11, stream: 2 }, 8);
  });
  expect(changed.buffer).toBe(chunk.buffer);
  expect(decodeAll([changed], 8)).toEqual([{ type: 0x11, stream: 2, payload }]);
});

test("a small frame does not keep its chunk: it is sent on as a copy", () => {
  const frame = { type: 0x10, stream: 1, payload: new Uint8Array(8000) };
  const chunk = encodeFrame(frame, 0);
  new FrameDecoder(0).push(chunk, (got) => expect(encodeFrame(got, 0).buffer).not.toBe(chunk.buffer));
});

test("frames of any size can be encoded in one room, one after the other", () => {
  const room = frameRoom();
  for (const length of [0, 1, 2047, 2048, maxPayload]) {
    const frame = { type: 0x10, stream: 1, payload: new Uint8Array(length).fill(length) };
    expect(decodeAll([encodeFrame(frame, 3, room)], 3)).toEqual([frame]);
  }
});

test("a payload over the limit can't be encoded, and the magic is not a valid frame", () => {
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
