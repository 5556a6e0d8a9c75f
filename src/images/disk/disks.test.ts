/** Disks identified by their first bytes, without I/O. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { patience, runs } from "../../base/testing/budget.ts";
import { foreignEnd, foreignKind } from "./foreign.ts";
import { ext4Problem, isExt4, superblockEnd } from "./superblock.ts";

function superblock(changes: { blocks?: number; high?: number; bits?: number; incompat?: number } = {}): Uint8Array {
  const head = new Uint8Array(superblockEnd);
  const view = new DataView(head.buffer, 1024);
  view.setUint32(0x04, changes.blocks ?? 1000, true);
  view.setUint32(0x18, changes.bits ?? 2, true);
  view.setUint16(0x38, 0xef53, true);
  view.setUint32(0x60, changes.incompat ?? 0, true);
  view.setUint32(0x150, changes.high ?? 0, true);
  return head;
}

test("an ext4 file system: intact, cut short, impossible and absent", () => {
  expect(ext4Problem(superblock(), 1000 * 4096)).toBeNull();
  expect(ext4Problem(superblock(), 1000 * 4096 + 512)).toBeNull();
  expect(ext4Problem(superblock(), 1000 * 4096 - 1)).toBe(
    "is cut short: its file system has 4096000 bytes, the file 4095999",
  );
  // the upper half counts only where the file system declares it
  expect(ext4Problem(superblock({ high: 1 }), 4096 * 1000)).toBeNull();
  expect(ext4Problem(superblock({ high: 1, incompat: 0x80 }), 4096 * 1000)).toContain("is cut short");
  expect(ext4Problem(superblock({ bits: 7 }), 2 ** 50)).toBe("has a damaged ext4 superblock");
  expect(ext4Problem(superblock({ blocks: 0 }), 2 ** 50)).toBe("has a damaged ext4 superblock");
  expect(ext4Problem(new Uint8Array(superblockEnd), 4096)).toBe("is not an ext4 file system");
  expect(isExt4(superblock().slice(0, 1500))).toBe(false);
});

const at = (offset: number, text: string) => {
  const head = new Uint8Array(foreignEnd);
  head.set(Buffer.from(text, "latin1"), offset);
  return head;
};
const bootRecord = (entries: [flag: number, type: number][]) => {
  const head = at(510, "\x55\xaa");
  for (const [index, [flag, type]] of entries.entries()) head.set([flag, 0, 0, 0, type], 446 + 16 * index);
  return head;
};

test.each([
  ["a qcow2 disk image", at(0, "QFI\xfb\0\0\0\x03"), "qemu-img convert -O raw"],
  ["a VMDK disk image", at(0, "KDMV"), "qemu-img convert -O raw"],
  ["a VHDX disk image", at(0, "vhdxfile"), "qemu-img convert -O raw"],
  ["a partitioned disk (GPT)", at(512, "EFI PART"), "sfdisk --dump"],
  ["a partitioned disk (GPT)", at(4096, "EFI PART"), "sfdisk --dump"],
  ["a partitioned disk", bootRecord([[0x80, 0x83]]), "dd if="],
  ["an XFS file system", at(0, "XFSB"), "a tar of its files"],
  ["a btrfs file system", at(0x10040, "_BHRfS_M"), "a tar of its files"],
  ["an ISO 9660 image", at(0x8001, "CD001"), "a tar of its files"],
  ["an encrypted disk (LUKS)", at(0, "LUKS\xba\xbe"), "a tar of its files"],
])("%s is named, with what to do next", (what, head, next) => {
  expect(foreignKind(head, "/a b.img")).toEqual({ what, next: expect.stringContaining(next) });
});

test("hints quote the path; anything else is not recognised", () => {
  expect(foreignKind(at(0, "QFI\xfb"), "/a b.img")?.next).toContain("'/a b.img'");
  expect(foreignKind(new Uint8Array(foreignEnd), "x")).toBeNull();
  // a boot sector without partitions, and one whose table is invalid
  expect(foreignKind(bootRecord([]), "x")).toBeNull();
  expect(foreignKind(bootRecord([[0x12, 0x83]]), "x")).toBeNull();
});

test(
  "any bytes are examined without an error",
  () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 3000 });
    fc.assert(
      fc.property(bytes, fc.nat(), (head, size) => {
        foreignKind(head, "x");
        ext4Problem(head, size);
        if (head.length < superblockEnd) expect(isExt4(head)).toBe(false);
      }),
      { numRuns: runs(500) },
    );
  },
  patience,
);
