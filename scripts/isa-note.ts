/**
 * Marks a compiled program as needing x86-64-v2 (SSE4.2, POPCNT), which the runtime in it does: on an older CPU, or in a VM with an old
 * CPU model, the loader then says so, where the program would end with an illegal instruction. The note takes the place of the build id,
 * which is the runtime's and not this program's.
 *
 * GNU property notes: Linux Extensions to gABI, and the x86-64 psABI; glibc 2.33 and later check them (`CPU ISA level is lower than required`).
 */
import { readFileSync, writeFileSync } from "node:fs";

const PT_NOTE = 4;
const NT_GNU_BUILD_ID = 3;
const NT_GNU_PROPERTY_TYPE_0 = 5;
const GNU_PROPERTY_X86_ISA_1_NEEDED = 0xc000_8002;
const GNU_PROPERTY_X86_ISA_1_V2 = 1 << 1;

const noteBytes = 32;
/** of a 64-bit file's property notes */
const noteAlign = 8;

/** Changes `elf` in place. @throws Error when it is not laid out as the runtime's program is */
export function needIsaV2(elf: Uint8Array): void {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  if (view.getUint32(0, false) !== 0x7f454c46 || elf[4] !== 2) throw new Error("not a 64-bit ELF file");
  const header = noteHeader(view);
  const [offset, address] = [Number(view.getBigUint64(header + 8, true)), view.getBigUint64(header + 16, true)];
  const buildId = findNote(view, offset, Number(view.getBigUint64(header + 32, true)), NT_GNU_BUILD_ID);
  const at = Math.ceil(buildId.start / noteAlign) * noteAlign;
  if (at + noteBytes > buildId.end) throw new Error("the build id is too short for the note");
  const words = [
    4,
    16,
    NT_GNU_PROPERTY_TYPE_0,
    0x00554e47,
    GNU_PROPERTY_X86_ISA_1_NEEDED,
    4,
    GNU_PROPERTY_X86_ISA_1_V2,
    0,
  ];
  for (const [index, word] of words.entries()) view.setUint32(at + 4 * index, word, true);
  view.setBigUint64(header + 8, BigInt(at), true);
  for (const field of [16, 24]) view.setBigUint64(header + field, address + BigInt(at - offset), true);
  for (const field of [32, 40]) view.setBigUint64(header + field, BigInt(noteBytes), true);
  view.setBigUint64(header + 48, BigInt(noteAlign), true);
}

/** Offset of the program header of the notes. */
function noteHeader(view: DataView): number {
  const [first, size, count] = [
    Number(view.getBigUint64(32, true)),
    view.getUint16(54, true),
    view.getUint16(56, true),
  ];
  for (let index = 0; index < count; index++)
    if (view.getUint32(first + index * size, true) === PT_NOTE) return first + index * size;
  throw new Error("the program has no notes");
}

function findNote(view: DataView, offset: number, length: number, type: number): { start: number; end: number } {
  for (let at = offset; at + 12 <= offset + length; ) {
    const padded = (bytes: number) => Math.ceil(bytes / 4) * 4;
    const end = at + 12 + padded(view.getUint32(at, true)) + padded(view.getUint32(at + 4, true));
    if (view.getUint32(at + 8, true) === type) return { start: at, end };
    at = end;
  }
  throw new Error(`the program has no note of type ${type}`);
}

if (import.meta.main) {
  const [path = ""] = process.argv.slice(2);
  const elf = readFileSync(path);
  needIsaV2(elf);
  writeFileSync(path, elf);
}
