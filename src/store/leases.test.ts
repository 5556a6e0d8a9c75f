import { expect, test } from "bun:test";
import type { VmId } from "../base/names.ts";
import { openDatabase } from "../host/files/sqlite.ts";
import { createStore } from "./store.ts";

const [one, other] = ["abcd1234" as VmId, "efgh5678" as VmId];

test("a VM has one address, and no two have the same", () => {
  const { leases } = createStore(openDatabase(":memory:"), () => 0);
  expect([leases.of(one), leases.taken()]).toEqual([null, new Set()]);
  leases.set(one, "172.16.0.2");
  leases.set(one, "172.16.0.3");
  expect([leases.of(one), leases.taken()]).toEqual(["172.16.0.3", new Set(["172.16.0.3"])]);
  expect(() => leases.set(other, "172.16.0.3")).toThrow(/UNIQUE/);
  leases.free(one);
  leases.set(other, "172.16.0.3");
  expect([leases.of(one), leases.of(other)]).toEqual([null, "172.16.0.3"]);
});
