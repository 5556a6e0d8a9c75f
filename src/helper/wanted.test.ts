import { expect, test } from "bun:test";
import type { VmId } from "../base/names.ts";
import { tapA, tapB, vmA, vmB, wantedTwo } from "./testing/wanted.ts";
import { addressProblem, nothingWanted, withoutTap, withTap } from "./wanted.ts";

const other = "cccc3333" as VmId;

test.each([
  ["172.16.0.4", null],
  ["172.16.0.0", "is not a guest's address"],
  ["172.16.0.1", "is not a guest's address"],
  ["172.16.0.255", "is not a guest's address"],
  ["172.16.1.4", "is not in 172.16.0.0/24"],
  ["8.8.8.8", "is not in"],
  ["172.16.0.2", `is the address of the VM ${vmA}`],
])("a new VM with %s: %p", (address, problem) => {
  const found = addressProblem(wantedTwo, { vm: other, address });
  if (problem === null) expect(found).toBeNull();
  else expect(found).toContain(problem);
});

test("a VM keeps its own address, and has none without a bridge", () => {
  expect(addressProblem(wantedTwo, tapA)).toBeNull();
  expect(addressProblem(nothingWanted, tapA)).toContain("bridge.ensure comes first");
});

test("a VM's later wish takes the place of its earlier one; the order is that of the ids", () => {
  const changed = withTap(withoutTap(wantedTwo, vmA), { ...tapB, isolated: true });
  expect(changed.taps.map(({ vm, isolated }) => [vm, isolated])).toEqual([[vmB, true]]);
  expect(withTap(changed, tapA).taps.map(({ vm }) => vm)).toEqual([vmA, vmB]);
});
