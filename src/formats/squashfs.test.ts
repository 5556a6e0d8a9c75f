import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../base/testing/budget.ts";
import { checkSquashfs, superblockSize } from "./squashfs.ts";

function superblock(bytesUsed: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(superblockSize));
  view.setUint32(0, 0x73717368, true);
  view.setUint32(4, 12, true);
  view.setUint16(20, 5, true);
  view.setUint16(28, 4, true);
  view.setBigUint64(40, BigInt(bytesUsed), true);
  return new Uint8Array(view.buffer);
}

test("an intact file is recognized by its superblock", () => {
  expect(checkSquashfs(superblock(4000), 4096)).toEqual({ compression: "lz4", bytesUsed: 4000, inodes: 12 });
});

test("each kind of damage is reported", () => {
  expect(checkSquashfs(new Uint8Array(), 0)).toEqual({ problem: "is empty" });
  expect(checkSquashfs(superblock(4000).slice(0, 50), 50)).toEqual({ problem: "is cut short" });
  expect(checkSquashfs(superblock(4000), 3999)).toEqual({ problem: "is cut short: it has 3999 of 4000 bytes" });
  expect(checkSquashfs(new Uint8Array(superblockSize), 4096)).toEqual({ problem: "is not a squashfs file" });
  const old = superblock(4000);
  old[28] = 3;
  expect(checkSquashfs(old, 4096)).toEqual({ problem: "is a squashfs of another version" });
});

test("any bytes get an answer", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(), (head, size) => {
      checkSquashfs(head, size);
    }),
    { numRuns: runs(100) },
  );
});
