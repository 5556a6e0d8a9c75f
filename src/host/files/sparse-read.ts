/** Which parts of a file hold data: what is between them are holes, which read as zeros. */
import * as fs from "node:fs/promises";
import { nextData, nextHole } from "../libc.ts";

export type Part = { offset: number; length: number };

/** holes below this many bytes are not worth a part */
const smallestHole = 64 * 1024;

/**
 * In order, at most `most`: where there are more holes than that, the smallest are taken for data.
 * A file system that knows no holes gives one part.
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

/** Parts with less than `least` bytes between them become one. */
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
