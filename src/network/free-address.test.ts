import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../base/testing/budget.ts";
import { freeAddress, isGuestAddress } from "./free-address.ts";

const bridge = { address: "172.16.0.1", prefix: 28 };
const none = new Set<string>();

test("the addresses follow each other, in a circle that leaves the host's out", () => {
  expect(freeAddress(bridge, none, null)).toBe("172.16.0.2");
  expect(freeAddress(bridge, none, "172.16.0.2")).toBe("172.16.0.3");
  expect(freeAddress(bridge, none, "172.16.0.14")).toBe("172.16.0.2");
  expect(freeAddress({ address: "172.16.0.6", prefix: 28 }, none, "172.16.0.5")).toBe("172.16.0.7");
});

test("one that was just given up is not the next", () => {
  expect(freeAddress(bridge, new Set(["172.16.0.3"]), "172.16.0.3")).toBe("172.16.0.4");
  expect(freeAddress(bridge, none, "172.16.0.3")).toBe("172.16.0.4");
});

test("what was given in another network says nothing of this one", () => {
  expect(freeAddress(bridge, new Set(["10.0.0.9"]), "10.0.0.9")).toBe("172.16.0.2");
});

test("addresses are given until none is left, each once", () => {
  fc.assert(
    fc.property(fc.integer({ min: 24, max: 28 }), fc.nat(2 ** 16), (prefix, seed) => {
      const size = 2 ** (32 - prefix) - 2;
      const of = { address: `192.168.7.${1 + (seed % size)}`, prefix };
      const taken = new Set<string>();
      for (let last: string | null = null; ; taken.add(last)) {
        last = freeAddress(of, taken, last);
        if (last === null) break;
        expect(taken.has(last) || !isGuestAddress(of, last)).toBe(false);
      }
      expect(taken.size).toBe(size - 1);
    }),
    { numRuns: runs(20) },
  );
});

test("a guest's address is in the network, and neither the host's, nor the network's, nor for broadcasts", () => {
  const is = (address: string) => isGuestAddress(bridge, address);
  expect(["172.16.0.2", "172.16.0.14"].map(is)).toEqual([true, true]);
  expect(["172.16.0.0", "172.16.0.1", "172.16.0.15", "172.16.1.2", "", "x"].map(is)).toEqual(Array(6).fill(false));
});
