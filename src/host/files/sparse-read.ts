/** Finds the parts of a file that hold data; the holes between them read as zeros. */
import * as fs from "node:fs/promises";
import { nextData, nextHole } from "../libc.ts";

export type Part = { offset: number; length: number };

/** smaller holes, in bytes, don't separate parts */
const smallestHole = 64 * 1024;

/**
 * The parts in order, at most `most`: when there are more holes than that, the smallest count as data.
 * A file system without holes gives one part.
 */
export async function dataParts(path: string, most: number): Promise<{ size: number; parts: Part[] }> {
  const file = await fs.open(path, "r");
  try {
    const { size } = await file.stat();
    let parts: Part[] = [];
    let least = smallestHole;
    for (let at = 0; at < size; ) {
      const offset = nextData(file.fd, at);
      if (offset < 0 || offset >= size) break;
      const end = Math.min(size, nextHole(file.fd, offset));
      if (end <= offset) break;
      addPart(parts, { offset, length: end - offset }, least);
      while (parts.length > most) {
        least *= 2;
        parts = joined(parts, least);
      }
      at = end;
    }
    return { size, parts };
  } finally {
    await file.close();
  }
}

/** Merges parts with less than `least` bytes between them. */
export function joined(parts: readonly Part[], least: number): Part[] {
  const all: Part[] = [];
  for (const part of parts) addPart(all, { ...part }, least);
  return all;
}

function addPart(parts: Part[], part: Part, least: number): void {
  const last = parts.at(-1);
  if (last && part.offset - (last.offset + last.length) < least) last.length = part.offset + part.length - last.offset;
  else parts.push(part);
}
