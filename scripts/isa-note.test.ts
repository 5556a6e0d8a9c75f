import { expect, test } from "bun:test";
import { needIsaV2 } from "./isa-note.ts";

/** An ELF file with one program header, for notes at 0x100: an ABI tag of 32 bytes, and a build id. */
function program({ shift = 4, id = 20 } = {}): { elf: Uint8Array; view: DataView } {
  const elf = new Uint8Array(0x200);
  const view = new DataView(elf.buffer);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2]);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  const notes = 0x100 + shift;
  view.setUint32(64, 4, true);
  view.setBigUint64(72, BigInt(notes), true);
  for (const field of [80, 88]) view.setBigUint64(field, BigInt(0x200000 + notes), true);
  for (const field of [96, 104]) view.setBigUint64(field, BigInt(0x20 + 16 + id), true);
  view.setBigUint64(112, 4n, true);
  const words = [4, 16, 1, 0x00554e47, 0, 3, 2, 0, 4, id, 3, 0x00554e47];
  for (const [index, word] of words.entries()) view.setUint32(notes + 4 * index, word, true);
  return { elf, view };
}

test("the build id becomes a note that asks for x86-64-v2, at a multiple of eight", () => {
  const { elf, view } = program();
  needIsaV2(elf);
  const header = [72, 80, 88, 96, 104, 112].map((at) => Number(view.getBigUint64(at, true)));
  expect(header).toEqual([0x128, 0x200128, 0x200128, 32, 32, 8]);
  const words = Array.from({ length: 8 }, (_, index) => view.getUint32(0x128 + 4 * index, true));
  expect(words).toEqual([4, 16, 5, 0x00554e47, 0xc0008002, 4, 2, 0]);
});

test.each([
  ["another file", new Uint8Array(64), "not a 64-bit ELF file"],
  ["too little room", program({ id: 12 }).elf, "too short"],
  ["no build id", program().elf.map((byte, at) => (at === 0x124 + 8 ? 9 : byte)), "no note of type 3"],
  ["no notes", program().elf.map((byte, at) => (at === 64 ? 1 : byte)), "has no notes"],
])("%s is refused", (_, elf, problem) => {
  expect(() => needIsaV2(elf)).toThrow(problem);
});
