import { expect, test } from "bun:test";
import type { VmId, VmName } from "../base/names.ts";
import { type Db, openDatabase } from "../host/files/sqlite.ts";
import { createStore } from "./store.ts";
import { vmRecord } from "./testing/records.ts";

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

test("a name and an address lead to each other, through a rename and until the VM is deleted", () => {
  const { vms, leases } = createStore(openDatabase(":memory:"), () => 0);
  const found = (name: string) => [leases.addressOf(name), leases.nameOf("172.16.0.2")];
  vms.add(vmRecord({ id: one, name: "box" as VmName }));
  expect(found("box")).toEqual([null, null]);
  leases.set(one, "172.16.0.2");
  expect(found("box")).toEqual(["172.16.0.2", "box"]);
  vms.change(one, { name: "desk" as VmName });
  expect([...found("desk"), leases.addressOf("box")]).toEqual(["172.16.0.2", "desk", null]);
  vms.remove(one);
  // an unlisted VM's address has no name
  expect(found("desk")).toEqual([null, null]);
});

test("the host keys of every VM with an address are read by one query", () => {
  const db = openDatabase(":memory:");
  let queries = 0;
  const counted = <T extends unknown[], R>(read: (...args: T) => R) => {
    return (...args: T) => {
      queries += 1;
      return read(...args);
    };
  };
  const counting = { ...db, get: counted(db.get), all: counted(db.all) } as Db;
  const { vms, leases, identities } = createStore(counting, () => 0);
  const keys = [{ type: "ssh-ed25519", private: "secret", public: "ssh-ed25519 AAAA" }];
  const identity = { machineId: "0".repeat(32), sshHostKeys: keys, network: null };
  const third = "ijkl9012" as VmId;
  for (const [id, name] of [
    [one, "box"],
    [other, "desk"],
    [third, "apart"],
  ] as const) {
    vms.add(vmRecord({ id, name: name as VmName }));
    identities.set(id, identity);
  }
  leases.set(one, "172.16.0.2");
  leases.set(other, "172.16.0.3");
  // an unlisted VM's
  leases.set("mnop3456" as VmId, "172.16.0.4");
  queries = 0;
  expect(identities.withAddress()).toEqual([
    { name: "box" as VmName, address: "172.16.0.2", sshHostKeys: keys },
    { name: "desk" as VmName, address: "172.16.0.3", sshHostKeys: keys },
  ]);
  expect(queries).toBe(1);
});
