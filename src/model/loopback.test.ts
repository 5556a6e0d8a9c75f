import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatCidr, isInNetwork, parseIpv4 } from "../base/ipv4.ts";
import type { VmId } from "../base/names.ts";
import { runs } from "../base/testing/budget.ts";
import { freeLoopbackAddress, loopbackBlock } from "./loopback.ts";

const id = "abcd1234" as VmId;
const none = new Set<string>();
const ids = fc.stringMatching(/^[a-z0-9]{8}$/).map((text) => text as VmId);
const uids = fc.oneof(fc.nat(70_000), fc.nat(2 ** 32 - 1));

test("users have blocks of their own, until uids are 3824 apart", () => {
  expect([0, 1, 1000, 3823].map((uid) => formatCidr(loopbackBlock(uid)))).toEqual([
    "127.16.0.0/20",
    "127.16.16.0/20",
    "127.78.128.0/20",
    "127.254.240.0/20",
  ]);
  expect(loopbackBlock(3824)).toEqual(loopbackBlock(0));
  expect(loopbackBlock(-1)).toEqual(loopbackBlock(0));
});

test("an address is in its user's block, and its last number is neither 0 nor 255", () => {
  fc.assert(
    fc.property(uids, ids, (uid, vm) => {
      const address = parseIpv4(freeLoopbackAddress(uid, vm, none)) ?? 0;
      expect(isInNetwork(address, loopbackBlock(uid))).toBe(true);
      expect([0, 255]).not.toContain(address % 256);
    }),
    { numRuns: runs(200) },
  );
});

test("the same VM has the same address, other VMs have others, and one that is taken is passed over", () => {
  const one = freeLoopbackAddress(1000, id, none);
  expect(freeLoopbackAddress(1000, id, none)).toBe(one);
  expect(freeLoopbackAddress(1000, "abcd1235" as VmId, none)).not.toBe(one);
  expect(freeLoopbackAddress(1000, id, new Set([one]))).not.toBe(one);
});

test("a block has 4064 addresses, and whoever has taken all of them gets the next block's", () => {
  const taken = new Set<string>();
  for (let n = 0; n < 4064; n++) taken.add(freeLoopbackAddress(3823, id, taken));
  expect(taken.size).toBe(4064);
  for (const address of taken) expect(isInNetwork(parseIpv4(address) ?? 0, loopbackBlock(3823))).toBe(true);
  expect(freeLoopbackAddress(3823, id, taken)).toBe("127.16.0.1");
});
