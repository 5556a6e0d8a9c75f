/** Migration streams for tests: recorded ones, and generated ones in the same format. */
import { gunzipSync } from "node:zlib";
import { type SplitPlan, splitMigration } from "../migration-stream.ts";
import recorded from "./streams.json";

/**
 * Recorded from real QEMUs, run with `-M microvm,rtc=on,memory-backend=ram,suppress-vmdesc=on -m 1M -S`, a BIOS file of 64 KiB that is zero except for the
 * bytes at 0x1000 and 0xfff0, `x-ignore-shared`, and two `-device loader` that write 0x1122334455667788 to 0x3000 and
 * 0xa1a2a3a4a5a6a7a8 to 0x4ff8.
 */
export const realStreams = recorded.map(({ qemu, gzip }) => ({ qemu, bytes: gunzipSync(Buffer.from(gzip, "base64")) }));

export const realMemoryBytes = 1024 * 1024;

/** A stream after the split. */
export type Split = { pages: Map<number, Buffer>; zeros: number[]; rest: Buffer };

export function splitAll(plan: SplitPlan, chunks: Iterable<Uint8Array>): Split {
  const split: Split = { pages: new Map(), zeros: [], rest: Buffer.alloc(0) };
  const rest: Buffer[] = [];
  const parser = splitMigration(plan, {
    page: (offset, page) => void split.pages.set(offset, Buffer.from(page)),
    zeroPage: (offset) => {
      split.pages.delete(offset);
      split.zeros.push(offset);
    },
    rest: (bytes) => void rest.push(Buffer.from(bytes)),
  });
  for (const chunk of chunks) parser.push(chunk);
  parser.end();
  split.rest = Buffer.concat(rest);
  return split;
}

export type MadePage = { block: string; offset: number /** null: zeros */; fill: number | null };

export type MadeStream = {
  blocks: [name: string, bytes: number][];
  /** the pages of each section; the last section ends guest memory */
  sections: MadePage[][];
  devices: Uint8Array;
};

/** Generates a stream in QEMU's format. */
export function makeStream({ blocks, sections, devices }: MadeStream): Buffer {
  const parts: Uint8Array[] = [u32(0x5145564d), u32(3), Uint8Array.of(7), u32(7), Buffer.from("microvm")];
  parts.push(Uint8Array.of(5), named("configuration/capabilities"), u32(1), u32(1), named("x-ignore-shared"));
  parts.push(Uint8Array.of(1), u32(2), named("ram"), u32(0), u32(4));
  parts.push(u64(blocks.reduce((sum, [, bytes]) => sum + bytes, 0) + 4));
  for (const [name, bytes] of blocks) parts.push(named(name), u64(bytes), u64(0));
  parts.push(u64(0x10), ...footer);
  let last = "";
  for (const [at, pages] of sections.entries()) {
    parts.push(Uint8Array.of(at === sections.length - 1 ? 3 : 2), u32(2));
    for (const { block, offset, fill } of pages) {
      const again = block === last ? 0x20 : 0;
      parts.push(u64(offset + (fill === null ? 0x02 : 0x08) + again));
      if (!again) parts.push(named(block));
      parts.push(fill === null ? Uint8Array.of(0) : new Uint8Array(4096).fill(fill));
      last = block;
    }
    parts.push(u64(0x10), ...footer);
  }
  return Buffer.concat([...parts, devices]);
}

const footer = [Uint8Array.of(0x7e), u32(2)];

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export function named(name: string): Buffer {
  return Buffer.concat([Uint8Array.of(name.length), Buffer.from(name, "latin1")]);
}
