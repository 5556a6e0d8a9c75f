import { expect, test } from "bun:test";
import { refusalOf } from "./peer.ts";

const parents: Record<number, number> = { 50: 40, 40: 30, 30: 1, 60: 1, 70: 70 };
const facts = { uid: 1000, vmProcesses: () => [30], parentOf: (pid: number) => parents[pid] ?? 0 };

test.each([
  ["the daemon's own user", { pid: 60, uid: 1000 }, null],
  ["root", { pid: 60, uid: 0 }, null],
  ["another user", { pid: 60, uid: 1001 }, "it belongs to uid 1000, you are uid 1001"],
  ["a VMM", { pid: 30, uid: 1000 }, "your process belongs to a VM"],
  ["a VMM's grandchild", { pid: 50, uid: 1000 }, "your process belongs to a VM"],
  ["a VMM's grandchild that became root", { pid: 50, uid: 0 }, "your process belongs to a VM"],
  ["a process that is gone", { pid: 99, uid: 1000 }, null],
  ["a loop in what /proc says", { pid: 70, uid: 1000 }, null],
  ["another pid namespace", { pid: 0, uid: 1000 }, "your process is in another pid namespace"],
])("%s", (_who, peer, reason) => {
  expect(refusalOf(peer, facts)).toBe(reason);
});

test("a VMM is looked for 64 processes up, and no further", () => {
  const chain = (pid: number) => (pid < 200 ? pid + 1 : 0);
  const below = (vmm: number) => ({ uid: 1000, vmProcesses: () => [vmm], parentOf: chain });
  expect(refusalOf({ pid: 100, uid: 1000 }, below(163))).toBe("your process belongs to a VM");
  expect(refusalOf({ pid: 100, uid: 1000 }, below(164))).toBeNull();
  expect(refusalOf({ pid: 2, uid: 1000 }, { ...below(2), parentOf: () => 1 })).toBe("your process belongs to a VM");
});
