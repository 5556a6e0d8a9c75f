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
  ["a loop in what /proc says", { pid: 70, uid: 1000 }, "your process has more than 64 parents"],
  ["the first process of a container", { pid: 1, uid: 1000 }, null],
  ["another pid namespace", { pid: 0, uid: 1000 }, "your process is in another pid namespace"],
])("%s", (_who, peer, reason) => {
  expect(refusalOf(peer, facts)).toBe(reason);
});

test("when no VM runs, no parents are looked up", () => {
  const none = { ...facts, vmProcesses: () => [] };
  expect(refusalOf({ pid: 70, uid: 1000 }, none)).toBeNull();
});

test("the lookup of parents stops at the first process", () => {
  const asked: number[] = [];
  const parentOf = (pid: number) => {
    asked.push(pid);
    return pid - 1;
  };
  expect(refusalOf({ pid: 3, uid: 1000 }, { ...facts, parentOf })).toBeNull();
  expect(asked).toEqual([3, 2]);
});

test("a VMM is found among 64 parents, and a peer with more parents is refused", () => {
  const chain = (length: number) => (pid: number) => (pid < 100 + length ? pid + 1 : 1);
  const peer = { pid: 100, uid: 1000 };
  const below = (vmm: number) => ({ uid: 1000, vmProcesses: () => [vmm], parentOf: chain(100) });
  expect(refusalOf(peer, below(164))).toBe("your process belongs to a VM");
  for (const vmm of [165, 200]) expect(refusalOf(peer, below(vmm))).toBe("your process has more than 64 parents");
  const beside = (length: number) => ({ uid: 1000, vmProcesses: () => [7], parentOf: chain(length) });
  expect(refusalOf(peer, beside(64))).toBeNull();
  expect(refusalOf(peer, beside(65))).toBe("your process has more than 64 parents");
  const ofTwo = { ...facts, parentOf: (pid: number) => (pid < 164 ? pid + 1 : 2) };
  expect(refusalOf(peer, ofTwo)).toBe("your process has more than 64 parents");
  expect(refusalOf({ pid: 2, uid: 1000 }, { ...below(2), parentOf: () => 1 })).toBe("your process belongs to a VM");
});
