import { expect, test } from "bun:test";
import type { ImageName, VmId, VmName } from "../base/names.ts";
import { openDatabase } from "../host/files/sqlite.ts";
import { createStore, type Store } from "./store.ts";
import { digestOf, imageRecord, kernelRecord, layerRef, vmRecord } from "./testing/records.ts";

function fresh(): Store {
  return createStore(openDatabase(":memory:"), () => 5000);
}

test("a VM is read back as it was added and changed", () => {
  const { vms } = fresh();
  const vm = vmRecord();
  expect(vms.add(vm)).toBe(true);
  expect(vms.byId(vm.id)).toEqual(vm);
  expect(vms.byName(vm.name)).toEqual(vm);
  const failure = { reason: "it broke", console: ["last words"] };
  vms.change(vm.id, { state: "failed", failure, generation: 3, startedAt: 9, startedHow: "cold", ephemeral: true });
  expect(vms.all()).toEqual([
    { ...vm, state: "failed", failure, generation: 3, startedAt: 9, startedHow: "cold", ephemeral: true },
  ]);
  vms.change(vm.id, { failure: null, startedAt: null });
  expect(vms.byId(vm.id)).toEqual(expect.objectContaining({ failure: null, startedAt: null, state: "failed" }));
});

test("a name belongs to one VM", () => {
  const { vms } = fresh();
  vms.add(vmRecord());
  const other = vmRecord({ id: "bbbb2222" as VmId });
  expect(vms.add(other)).toBe(false);
  expect(vms.all()).toHaveLength(1);
  expect(vms.add({ ...other, name: "web-2" as VmName })).toBe(true);
  expect(vms.change(other.id, { name: "web-1" as VmName })).toBe(false);
  expect(vms.change(other.id, { name: "web-2" as VmName })).toBe(true);
  expect(vms.byId(other.id)?.name).toBe("web-2" as VmName);
});

test("a VM's records are removed with it", () => {
  const store = fresh();
  const { id } = vmRecord();
  store.vms.add(vmRecord());
  store.identities.set(id, { machineId: "0".repeat(32), sshHostKeys: [], network: null });
  store.processes.setVmm(id, { process: { pid: 7, startTicks: 70 }, driver: "fake" });
  store.processes.setNetwork(id, { pid: 8, startTicks: 80 });
  expect(store.processes.vmm(id)).toEqual({ process: { pid: 7, startTicks: 70 }, driver: "fake" });
  expect(store.processes.network(id)).toEqual({ pid: 8, startTicks: 80 });
  store.vms.remove(id);
  expect(store.identities.of(id)).toBeNull();
  expect(store.processes.vmm(id)).toBeNull();
});

test("an identity keeps its keys while its network changes", () => {
  const store = fresh();
  const { id } = vmRecord();
  store.vms.add(vmRecord());
  const keys = [{ type: "ed25519", private: "secret", public: "line" }];
  store.identities.set(id, { machineId: "a".repeat(32), sshHostKeys: keys, network: null });
  const network = {
    address: "192.0.2.15",
    prefix: 24,
    gateway: "192.0.2.2",
    mac: "02:00:00:00:00:01",
    dns: [],
    search: [],
  };
  store.identities.setNetwork(id, network);
  expect(store.identities.of(id)).toEqual({ machineId: "a".repeat(32), sshHostKeys: keys, network });
});

test("a VM's certificates accumulate, and stay when the rest of its identity changes", () => {
  const store = fresh();
  const { id } = vmRecord();
  store.vms.add(vmRecord());
  expect(store.identities.certificates(id)).toBeNull();
  store.identities.set(id, { machineId: "a".repeat(32), sshHostKeys: [], network: null });
  expect(store.identities.certificates(id)).toEqual([]);
  store.identities.addCertificates(id, ["a", "b"]);
  store.identities.addCertificates(id, []);
  store.identities.addCertificates(id, ["b", "c"]);
  store.identities.set(id, { machineId: "b".repeat(32), sshHostKeys: [], network: null });
  expect(store.identities.certificates(id)).toEqual(["a", "b", "c"]);
});

test("a transaction that throws changes nothing, also inside another one", () => {
  const store = fresh();
  expect(() =>
    store.transaction(() => {
      store.vms.add(vmRecord());
      store.transaction(() => store.journal.begin("create", "abcd1234", "files"));
      throw new Error("no");
    }),
  ).toThrow("no");
  expect(store.vms.all()).toEqual([]);
  expect(store.journal.unfinished()).toEqual([]);
});

test("the journal has the next step of every change that was not ended", () => {
  const { journal } = fresh();
  const create = journal.begin("create", "aaaa1111", "files");
  const start = journal.begin("start", "bbbb2222", "prepare");
  start.step("boot");
  create.end();
  create.end();
  const entries = journal.unfinished();
  expect(entries).toEqual([{ id: start.id, change: "start", subject: "bbbb2222", step: "boot", begunAt: 5000 }]);
  for (const entry of entries) journal.reopen(entry).end();
  expect(journal.unfinished()).toEqual([]);
  journal.begin("stop", "cccc3333", "ask");
  journal.begin("restart", "cccc3333", "stop");
  journal.forget("cccc3333");
  expect(journal.unfinished()).toEqual([]);
});

test("an image is found by name and digest; a name can move to another content", () => {
  const { images } = fresh();
  const first = imageRecord();
  images.put(first);
  expect(images.byName(first.name)).toEqual(first);
  expect(images.byDigest(first.digest)).toEqual(first);
  const second = imageRecord({ digest: digestOf("5"), layers: [...first.layers, layerRef({ digest: digestOf("6") })] });
  images.put(second);
  images.put(second);
  expect(images.all()).toEqual([second]);
  expect(images.byDigest(first.digest)?.name).toBe(first.digest as string as ImageName);
  expect(images.dropUnused()).toEqual({
    images: [{ ...first, name: first.digest as string as ImageName }],
    layers: [],
  });
});

test("a layer that was made again has its new size, also in images that already had it", () => {
  const { images } = fresh();
  const first = imageRecord();
  images.put(first);
  const layers = first.layers.map((layer) => ({ ...layer, bytes: layer.bytes + 1 }));
  images.put({ ...first, layers });
  expect(images.byName(first.name)?.layers).toEqual(layers);
});

test("an image that a VM uses outlives its name, and a layer the images that share it", () => {
  const store = fresh();
  const first = imageRecord();
  store.images.put(first);
  store.vms.add(vmRecord());
  store.images.removeName(first.name);
  expect(store.images.dropUnused()).toEqual({ images: [], layers: [] });
  expect(store.vms.namesUsingImage(first.digest)).toEqual(["web-1" as VmName]);
  expect(store.images.byDigest(first.digest)?.layers).toEqual(first.layers);
  store.vms.remove(vmRecord().id);
  expect(store.images.dropUnused().layers).toEqual(first.layers);
  expect(store.images.layers()).toEqual([]);
});

test("a kernel is found by the bundle it was made from, while it exists", () => {
  const store = fresh();
  const kernel = kernelRecord();
  store.kernels.put(kernel, digestOf("7"));
  store.kernels.put({ ...kernel, name: "other" as never }, digestOf("8"));
  expect(store.kernels.bySourceDigest(digestOf("7"))?.digest).toBe(kernel.digest);
  expect(store.kernels.bySourceDigest(digestOf("6"))).toBeNull();
  store.kernels.removeName(kernel.name);
  store.kernels.removeName("other" as never);
  store.kernels.dropUnused();
  expect(store.kernels.bySourceDigest(digestOf("8"))).toBeNull();
});

test("a kernel is kept while it has a name or a VM", () => {
  const store = fresh();
  const kernel = kernelRecord();
  store.kernels.put(kernel);
  store.vms.add(vmRecord());
  expect(store.kernels.byName(kernel.name)).toEqual(kernel);
  expect(store.kernels.all()).toEqual([kernel]);
  expect(store.vms.namesUsingKernel(kernel.digest)).toEqual(["web-1" as VmName]);
  store.kernels.removeName(kernel.name);
  expect(store.kernels.dropUnused()).toEqual([]);
  store.vms.remove(vmRecord().id);
  expect(store.kernels.dropUnused()).toHaveLength(1);
  expect(store.kernels.byDigest(kernel.digest)).toBeNull();
});
