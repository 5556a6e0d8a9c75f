/** What must be true on a host whose daemon is idle, whatever happened before. */
import assert from "node:assert/strict";
import type { NetworkKind } from "../../model/network.ts";
import type { VmRecord, VmState } from "../../model/vm.ts";
import { createStore } from "../../store/store.ts";
import { type Host, paths } from "./daemon.ts";

/** Asserts that the list of VMs is true and that nothing is left over. */
export function assertTruth({ world, db }: Host, context: string): void {
  const store = createStore(db, () => 0);
  const vms = store.vms.all();
  const say = (what: string) => `${what} (${context})`;
  assert.deepEqual(store.journal.unfinished(), [], say("changes that nobody finished"));
  for (const vm of vms)
    assert.match(vm.state, /^(stopped|running|paused|suspended|failed)$/, say(`the state of ${vm.name}`));
  const running = vms.filter(hasVmm);
  const noted = running.map((vm) => store.processes.vmm(vm.id)?.process.pid).toSorted();
  assert.deepEqual(
    world
      .living()
      .map((vm) => vm.process.pid)
      .toSorted(),
    noted,
    say("VMMs that live"),
  );
  const has = (kind: NetworkKind) => (vm: VmRecord) => vm.spec.network.kind === kind;
  const networks = running.filter(has("user")).map((vm) => store.processes.network(vm.id)?.pid);
  assert.deepEqual([...world.networks.keys()].toSorted(), networks.toSorted(), say("network processes that live"));
  const taps = running.filter(has("bridge")).map((vm) => vm.id);
  assert.deepEqual([...world.taps].toSorted(), taps.toSorted(), say("TAP interfaces"));
  const bridged = vms.filter(has("bridge")).map((vm) => vm.id as string);
  for (const id of world.leases) assert.ok(bridged.includes(id), say(`the address of ${id}, which is no VM`));
  assert.deepEqual(world.list(paths.vms), vms.map((vm) => vm.id).toSorted(), say("folders of VMs"));
  for (const vm of vms) {
    const files = world.list(paths.vm(vm.id).directory);
    assert.ok(files.includes("disk.ext4"), say(`${vm.name} has its disk`));
    const sockets = files.filter((name) => name.endsWith(".sock"));
    assert.equal(sockets.length > 0, hasVmm(vm), say(`sockets of ${vm.name}, which is ${vm.state}: ${sockets}`));
    const saved = [files.includes("saved"), vm.suspended !== null];
    assert.deepEqual(
      saved,
      vm.state === "suspended" ? [true, true] : [false, false],
      say(`what ${vm.name} is woken from`),
    );
    const { memory, state } = paths.suspended(vm.id);
    if (vm.suspended)
      assert.ok(world.paths.has(memory) && world.paths.has(state), say(`${vm.name} has all of its save`));
    assert.ok(!files.includes("memory.bin"), say(`${vm.name} has a memory of its own`));
    if (!hasVmm(vm)) assert.equal(store.processes.vmm(vm.id), null, say(`${vm.name} has no VMM`));
  }
  for (const vm of world.living()) {
    const isPaused = vms.find(({ id }) => id === vm.spec.id)?.state === "paused";
    assert.equal(vm.isPaused, isPaused, say("whether a VM stands still"));
  }
  const templates = store.templates.all().map(({ key }) => key.slice("sha256:".length));
  assert.deepEqual(world.list(paths.templates), templates.toSorted(), say("folders of templates"));
  for (const { key } of store.templates.all())
    assert.equal(world.list(paths.template(key).directory).length, 3, say("files of a template"));
  const snapshots = store.snapshots.all();
  assert.deepEqual(world.list(paths.snapshots), snapshots.map(({ id }) => id).toSorted(), say("folders of snapshots"));
  for (const { id, save } of snapshots)
    assert.equal(world.list(paths.snapshot(id).directory).length, save ? 3 : 1, say("files of a snapshot"));
  const layers = store.images.layers().map((layer) => paths.layer(layer.digest).slice(paths.layers.length + 1));
  assert.deepEqual(world.list(paths.layers), layers, say("layers' files"));
  const kernels = new Set(
    store.kernels.all().map((kernel) => paths.kernel(kernel.digest).directory.slice(paths.kernels.length + 1)),
  );
  assert.deepEqual(world.list(paths.kernels), [...kernels], say("kernels' files"));
  assert.deepEqual(world.list(paths.partial), [], say("unfinished files"));
}

function hasVmm({ state }: { state: VmState }): boolean {
  return state === "running" || state === "paused";
}
