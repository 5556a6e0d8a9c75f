/** LZ4's legacy frames, which kernels are compressed with: `lz4 -l` (LZ4 Frame format, section "Legacy frame"). */
import { Breather } from "../base/breather.ts";

const legacyMagic = 0x184c2102;

/** Thrown for anything that is not such a frame or does not unpack to `size` bytes. */
export class Lz4Error extends Error {}

/** Most bytes that one block unpacks to. */
export const maxLegacyBlock = 8 * 1024 * 1024;

/**
 * Unpacks a block at a time, so that the thread can serve others in between. @param size bytes of the result, known
 * beforehand @throws Lz4Error
 */
export async function unpackLegacyLz4(input: Uint8Array, size: number): Promise<Uint8Array> {
  const breather = new Breather();
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const out = new Uint8Array(size);
  let written = 0;
  let at = 0;
  while (written < size) {
    if (breather.isDue) await breather.rest();
    if (at + 4 > input.length) throw new Lz4Error("cut short");
    const length = view.getUint32(at, true);
    at += 4;
    if (length === legacyMagic) continue;
    if (at + length > input.length) throw new Lz4Error("a block is cut short");
    const room = out.subarray(0, written + maxLegacyBlock);
    written = unpackBlock(input.subarray(at, at + length), room, written);
    at += length;
  }
  return out;
}

/** Unpacks one block: literals and copies of earlier output, in turns. @returns the new end of `out` */
export function unpackBlock(block: Uint8Array, out: Uint8Array, start: number): number {
  let at = 0;
  let end = start;
  const extended = (nibble: number): number => {
    let length = nibble;
    if (nibble !== 15) return length;
    for (let byte = 255; byte === 255; length += byte) {
      if (at >= block.length) throw new Lz4Error("a length is cut short");
      byte = block[at++] as number;
    }
    return length;
  };
  while (at < block.length) {
    const token = block[at++] as number;
    const literals = extended(token >> 4);
    if (at + literals > block.length || end + literals > out.length) throw new Lz4Error("literals do not fit");
    out.set(block.subarray(at, at + literals), end);
    at += literals;
    end += literals;
    if (at === block.length) break;
    if (at + 2 > block.length) throw new Lz4Error("an offset is cut short");
    const offset = (block[at] as number) | ((block[at + 1] as number) << 8);
    at += 2;
    const length = extended(token & 15) + 4;
    if (offset === 0 || offset > end - start || end + length > out.length) throw new Lz4Error("a copy does not fit");
    copyBack(out, end, offset, length);
    end += length;
  }
  return end;
}

/** A copy can overlap its own output: then it repeats the `offset` bytes before it. */
function copyBack(out: Uint8Array, end: number, offset: number, length: number): void {
  if (offset >= length) {
    out.copyWithin(end, end - offset, end - offset + length);
    return;
  }
  if (length < 64) {
    for (let i = 0; i < length; i++) out[end + i] = out[end - offset + i] as number;
    return;
  }
  // the copied length doubles each time, and stays a multiple of `offset`
  let copied = 0;
  for (let step = offset; copied < length; step = offset + copied) {
    const bytes = Math.min(step, length - copied);
    out.copyWithin(end + copied, end - offset, end - offset + bytes);
    copied += bytes;
  }
}
