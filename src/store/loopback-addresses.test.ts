import { expect, test } from "bun:test";
import { isInNetwork, parseIpv4 } from "../base/ipv4.ts";
import type { VmId, VmName } from "../base/names.ts";
import { openDatabase } from "../host/files/sqlite.ts";
import { freeLoopbackAddress, loopbackBlock } from "../model/loopback.ts";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations.ts";
import { vmRecord } from "./testing/records.ts";
import { createVms } from "./vms.ts";

const before = migrations.findIndex((step) => step.includes("loopback_address"));
const names = ["one", "two", "three"] as VmName[];

test("VMs of an older banger get addresses once, each its own, of their user's block", () => {
  const db = openDatabase(":memory:");
  migrate(db, migrations.slice(0, before));
  const { spec } = vmRecord();
  for (const [at, name] of names.entries())
    db.run(
      `INSERT INTO vms (id, name, state, spec, image_digest, kernel_digest, ephemeral, created_at, generation)
       VALUES (?, ?, 'stopped', ?, ?, ?, 0, ?, 1)`,
      ...[`aaaa000${at}`, name, JSON.stringify(spec), spec.image.digest, spec.kernel.digest, at],
    );
  migrate(db);
  const addresses = createVms(db, 1234)
    .all()
    .map((vm) => vm.loopbackAddress);
  expect(new Set(addresses).size).toBe(3);
  for (const address of addresses) expect(isInNetwork(parseIpv4(address) ?? 0, loopbackBlock(1234))).toBe(true);
  const again = createVms(db, 4321).all();
  expect(again.map((vm) => vm.loopbackAddress)).toEqual(addresses);
});

test("a new VM's address is free, stays its own, and is free again once the VM is deleted", () => {
  const db = openDatabase(":memory:");
  migrate(db);
  const vms = createVms(db, 1000);
  const vm = vmRecord();
  expect(vms.freeLoopbackAddress(vm.id)).toBe(freeLoopbackAddress(1000, vm.id, new Set()));
  vms.add({ ...vm, loopbackAddress: vms.freeLoopbackAddress(vm.id) });
  const { loopbackAddress } = vms.byId(vm.id) ?? vm;
  expect(vms.freeLoopbackAddress(vm.id)).not.toBe(loopbackAddress);
  expect(() => vms.add({ ...vmRecord({ id: "bbbb2222" as VmId, name: names[1] as VmName }), loopbackAddress })).toThrow(
    /UNIQUE/,
  );
  const found = (name: string) => [vms.loopbackAddressOf(name), vms.nameAtLoopback(loopbackAddress)];
  expect(found(vm.name)).toEqual([loopbackAddress, vm.name]);
  vms.change(vm.id, { name: names[0] as VmName, state: "running" });
  expect([...found("one"), vms.loopbackAddressOf(vm.name)]).toEqual([loopbackAddress, "one", null]);
  expect(vms.byId(vm.id)?.loopbackAddress).toBe(loopbackAddress);
  vms.remove(vm.id);
  expect(found("one")).toEqual([null, null]);
  expect(vms.freeLoopbackAddress(vm.id)).toBe(loopbackAddress);
});
