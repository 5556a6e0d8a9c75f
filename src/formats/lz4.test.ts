import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../base/testing/budget.ts";
import { createExec } from "../host/process/exec-node.ts";
import { gatedTest } from "../host/testing/gate.ts";
import { Lz4Error, maxLegacyBlock, unpackBlock, unpackLegacyLz4 } from "./lz4.ts";

type Step = { literals: Uint8Array; back: number; length: number };

/** Encodes steps as the format defines them, and returns what they stand for. */
function encode(steps: readonly Step[], tail: Uint8Array): { block: Uint8Array; plain: Uint8Array } {
  const block: number[] = [];
  const plain: number[] = [];
  const extended = (value: number) => {
    for (let left = value - 15; left >= 0; left -= 255) block.push(Math.min(left, 255));
  };
  for (const { literals, back, length } of steps) {
    plain.push(...literals);
    const offset = 1 + (back % plain.length);
    block.push((Math.min(literals.length, 15) << 4) | Math.min(length - 4, 15));
    extended(literals.length);
    block.push(...literals, offset & 255, offset >> 8);
    extended(length - 4);
    for (let i = 0; i < length; i++) plain.push(plain[plain.length - offset] as number);
  }
  block.push(Math.min(tail.length, 15) << 4);
  extended(tail.length);
  block.push(...tail);
  plain.push(...tail);
  return { block: new Uint8Array(block), plain: new Uint8Array(plain) };
}

const step = fc.record({
  literals: fc.uint8Array({ minLength: 1, maxLength: 600 }),
  back: fc.nat(1000),
  length: fc.integer({ min: 4, max: 700 }),
});

test("blocks unpack to what they stand for", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6 }), fc.uint8Array({ maxLength: 40 }), (steps, tail) => {
      const { block, plain } = encode(steps, tail);
      const out = new Uint8Array(plain.length);
      expect(unpackBlock(block, out, 0)).toBe(plain.length);
      expect(Buffer.from(out).equals(plain)).toBe(true);
    }),
    { numRuns: runs(300) },
  );
});

test("any bytes unpack or are refused with Lz4Error", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      try {
        await unpackLegacyLz4(new Uint8Array([0x02, 0x21, 0x4c, 0x18, ...bytes]), 500);
      } catch (error) {
        expect(error).toBeInstanceOf(Lz4Error);
      }
    }),
    { numRuns: runs(1000) },
  );
});

/** A frame of one block that is one zero, `length` times. */
function zerosFrame(length: number): Uint8Array {
  const { block } = encode([{ literals: new Uint8Array(1), back: 0, length: length - 1 }], new Uint8Array());
  const frame = new Uint8Array(8 + block.length);
  new DataView(frame.buffer).setUint32(0, 0x184c2102, true);
  new DataView(frame.buffer).setUint32(4, block.length, true);
  frame.set(block, 8);
  return frame;
}

test("a block unpacks to as much as the format allows, and not to a byte more", async () => {
  const most = await unpackLegacyLz4(zerosFrame(maxLegacyBlock), maxLegacyBlock);
  expect(most.every((byte) => byte === 0)).toBe(true);
  await expect(unpackLegacyLz4(zerosFrame(maxLegacyBlock + 1), maxLegacyBlock + 1)).rejects.toThrow(Lz4Error);
});

gatedTest("tool:lz4", "what the lz4 program packs is unpacked", async () => {
  const plain = new Uint8Array(9 * 1024 * 1024).map((_, i) => (i % 1000) ^ (i >> 12));
  const exec = createExec(process.env as Record<string, string>);
  const packed = await exec(["lz4", "-l", "-c"], { input: plain });
  expect(Buffer.from(await unpackLegacyLz4(packed.stdout, plain.length)).equals(plain)).toBe(true);
});
