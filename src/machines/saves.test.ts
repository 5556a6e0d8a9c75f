/** Templates, pauses, suspended VMs, snapshots and forks, over a host in memory. */
import { expect, test } from "bun:test";
import { Deferred } from "../base/async.ts";
import type { VmRecord } from "../model/vm.ts";
import { createStore } from "../store/store.ts";
import type { Json } from "../wire/agent/types.ts";
import { type Host, newHost, paths, recorder, startDaemon } from "./testing/daemon.ts";
import { assertTruth } from "./testing/truth.ts";
import type { WorldVm } from "./testing/world.ts";

const services = { wait: "services" } as const;
const request = (name: string) => ({ name, ephemeral: false });

/** A host whose VMM can save. */
function saving(): Host {
  const host = newHost();
  host.world.canSave = true;
  return host;
}

async function setUp(host = saving()) {
  const machines = await startDaemon(host);
  const { events, emit, signal } = recorder();
  const run = async (name: string, options = services as { wait: "services"; cold?: boolean }) =>
    (await machines.create(request(name), options, emit, signal)).vm;
  const texts = () => events.flatMap((event) => ("text" in event ? [event.text] : []));
  return { host, world: host.world, machines, emit, signal, run, texts };
}

function running({ world }: Pick<Host, "world">, vm: Pick<VmRecord, "id">): WorldVm {
  const found = world.vmOf(vm.id);
  if (!found) throw new Error("it does not run");
  return found;
}

test("the first VM makes the template, later ones begin from it, each as itself", async () => {
  const { host, world, machines, run, texts } = await setUp();
  const one = await run("one");
  expect(world.vmms.size).toBe(2);
  expect(texts()).toContain("saving it");
  await machines.idle();
  const two = await run("two");
  expect(world.vmms.size).toBe(3);
  const [template] = machines.templates();
  expect(template).toMatchObject({ uses: 2, facts: { vcpu: 2, memoryMib: 1024, vmm: "world 1 tcg" } });
  const short = template?.key.slice(7, 19);
  for (const vm of [one, two]) {
    expect(vm.startedHow).toStartWith(`restored from template ${short}: prepare`);
    const { from, isPaused, guest } = running(host, vm);
    expect(from?.files.memory).toBe(paths.template(template?.key as never).memory);
    expect(isPaused).toBe(false);
    expect(guest.identities).toMatchObject([{ generation: 1, hostname: vm.name, authorizedKeys: ["key"] }]);
  }
  const ids = [one, two].map((vm) => running(host, vm).guest.identities[0]?.["machineId"]);
  expect(ids[0]).not.toBe(ids[1] as string);
  assertTruth(host, "two VMs of a template");
});

test("a template's own guest is told nothing of the user", async () => {
  const { world, run } = await setUp();
  await run("one");
  const [booted] = [...world.vmms.values()];
  expect(Object.keys(booted?.guest.identities[0] ?? {}).toSorted()).toEqual(
    ["clock", "entropy", "generation", "hostname", "machineId", "network"].toSorted(),
  );
});

test("two at once boot once", async () => {
  const { host, world, machines, run } = await setUp();
  await Promise.all([run("one"), run("two"), run("three")]);
  await machines.idle();
  expect([...world.vmms.values()].filter(({ from }) => from === null)).toHaveLength(1);
  assertTruth(host, "three at once");
});

test.each<[string, (host: Host) => void, RegExp]>([
  ["a VMM that can't save", ({ world }) => void Object.assign(world, { canSave: false }), /^cold \(this VMM can't/],
  [
    "templates turned off",
    ({ world }) => void Object.assign(world, { templateLimit: 0 }),
    /^cold \(templates are turned off/,
  ],
])("%s: VMs boot cold, and say why", async (_, change, how) => {
  const host = saving();
  change(host);
  const { run } = await setUp(host);
  expect((await run("one")).startedHow).toMatch(how);
  assertTruth(host, "cold");
});

test("--cold boots, whatever templates there are", async () => {
  const { host, run } = await setUp();
  await run("one");
  const vm = await run("two", { ...services, cold: true });
  expect(vm.startedHow).toMatch(/^cold \(as was asked\)/);
  expect(running(host, vm).from).toBeNull();
});

test.each(["boot", "save", "rename", "createDisk"])(
  "a template whose %s fails is told once, and VMs boot cold",
  async (what) => {
    const { host, world, machines, run, texts } = await setUp();
    world.failing.set(what, Object.assign(new Error("no luck"), { code: "EIO" }));
    const first = await machines
      .create(request("one"), services, () => {}, AbortSignal.timeout(5000))
      .then(({ vm }) => vm.startedHow)
      .catch(String);
    expect(first).toMatch(/no luck/);
    world.failing.clear();
    const vm = await run("two");
    expect(vm.startedHow).toMatch(/^cold \(no template: .*no luck/);
    expect(texts().join()).not.toContain("could not be made");
    await machines.idle();
    assertTruth(host, `a failed ${what}`);
  },
);

test("a template that can't be restored is thrown away and told, and the VM boots", async () => {
  const { host, world, machines, run, texts } = await setUp();
  await run("one");
  await machines.idle();
  world.paths.delete(paths.template(machines.templates()[0]?.key as never).state);
  const vm = await run("two");
  expect(vm).toMatchObject({
    state: "running",
    startedHow: expect.stringMatching(/^cold \(its template could not be/),
  });
  expect(texts().join()).toMatch(/template [0-9a-f]{12} is thrown away, it can't be restored/);
  expect(machines.templates()).toEqual([]);
  assertTruth(host, "a damaged template");
  expect((await run("three")).startedHow).toMatch(/^restored from template/);
});

test("a created VM's first start begins from the template, a later one from its disk", async () => {
  const { machines, emit, signal } = await setUp();
  await machines.create(request("one"), null, emit, signal);
  expect((await machines.start("one", services, emit, signal)).startedHow).toMatch(/^restored from template/);
  await machines.stop("one", {}, emit);
  expect((await machines.start("one", services, emit, signal)).startedHow).toMatch(/^cold \(it has run before\)/);
});

test("an image that goes takes its templates with it", async () => {
  const { host, machines, run } = await setUp();
  await run("one");
  await machines.delete("one");
  await machines.idle();
  expect(machines.templates()).toHaveLength(1);
  await machines.deleteImage("debian-bookworm");
  await machines.idle();
  expect(machines.templates()).toEqual([]);
  assertTruth(host, "no image");
});

test("templates are found by their first digits, and deleted", async () => {
  const { host, machines, run } = await setUp();
  await run("one");
  await machines.idle();
  const key = machines.templates()[0]?.key.slice(7) as string;
  expect(machines.findTemplate(key.slice(0, 6)).key).toBe(`sha256:${key}` as never);
  for (const text of ["zz", "", "../x", "f".repeat(65)])
    expect(() => machines.findTemplate(text)).toThrow(expect.objectContaining({ code: "TEMPLATE_NOT_FOUND" }));
  await machines.deleteTemplate(key);
  assertTruth(host, "deleted");
});

test("templates may be too many: those used longest ago go", async () => {
  const { host, world, machines, emit, signal } = await setUp();
  world.templateLimit = 2 * 4096;
  for (const vcpu of [1, 2, 3]) await machines.warmTemplate({ ephemeral: false, vcpu }, emit, signal);
  await machines.idle();
  expect(machines.templates()).toHaveLength(2);
  assertTruth(host, "evicted");
});

test("paused and resumed: the guest learns the time", async () => {
  const { host, machines, run } = await setUp();
  const vm = await run("one");
  expect((await machines.pause("one")).state).toBe("paused");
  expect(running(host, vm).isPaused).toBe(true);
  await expect(machines.session("one")).rejects.toMatchObject({
    code: "VM_STATE",
    hint: expect.stringContaining("resume"),
  });
  await expect(machines.pause("one")).rejects.toMatchObject({ code: "VM_STATE" });
  expect((await machines.resume("one")).state).toBe("running");
  expect(running(host, vm).guest.identities.at(-1)).toEqual({
    generation: 1,
    clock: expect.stringMatching(/^\d+\.\d{9}$/),
  });
  assertTruth(host, "resumed");
});

test("suspended: no process is left; the next session wakes it, once for all who come", async () => {
  const { host, world, machines, emit, signal, run } = await setUp();
  const vm = await run("one");
  const before = world.vmms.size;
  expect(await machines.suspend("one", emit, signal)).toMatchObject({ state: "suspended" });
  expect(world.living()).toEqual([]);
  assertTruth(host, "suspended");
  await Promise.all([machines.session("one"), machines.session("one")]);
  expect(world.vmms.size).toBe(before + 1);
  expect(machines.find("one")).toMatchObject({ state: "running", generation: 2 });
  expect(machines.find("one").startedHow).toStartWith("restored from where it was suspended");
  expect(running(host, vm).guest.identities).toMatchObject([{ generation: 2, hostname: "one" }]);
  await machines.idle();
  assertTruth(host, "awake");
});

test("a suspend that fails leaves the VM running", async () => {
  const { host, world, machines, emit, signal, run } = await setUp();
  await run("one");
  await machines.idle();
  world.failing.set("save", Object.assign(new Error("full"), { code: "ENOSPC" }));
  await expect(machines.suspend("one", emit, signal)).rejects.toThrow("full");
  assertTruth(host, "not suspended");
  expect((await machines.session("one")).vm.state).toBe("running");
});

test("a suspended VM that can't be restored stays so, and boots when that is asked", async () => {
  const { host, world, machines, emit, signal, run } = await setUp();
  const vm = await run("one");
  await machines.suspend("one", emit, signal);
  world.paths.delete(paths.suspended(vm.id).memory);
  await expect(machines.start("one", services, emit, signal)).rejects.toMatchObject({ code: "SAVE_DAMAGED" });
  expect(machines.find("one").state).toBe("suspended");
  const started = await machines.start("one", { ...services, cold: true }, emit, signal);
  expect(started.startedHow).toMatch(/^cold \(as was asked\)/);
  await machines.idle();
  assertTruth(host, "booted");
});

test("snapshots: taken of a running VM and of a stopped one, gone back to, deleted", async () => {
  const { host, world, machines, emit, signal, run } = await setUp();
  const vm = await run("one");
  world.paths.set(paths.vm(vm.id).disk, "before");
  expect(await machines.snapshot("one", undefined, emit, signal)).toMatchObject({ name: "s1", vmName: "one" });
  world.paths.set(paths.vm(vm.id).disk, "after");
  expect(running(host, vm).isPaused).toBe(false);
  await expect(machines.snapshot("one", "s1", emit, signal)).rejects.toMatchObject({ code: "SNAPSHOT_TAKEN" });
  const back = await machines.restore("one", "s1", {}, emit, signal);
  expect(back).toMatchObject({ state: "running", startedHow: expect.stringMatching(/^restored from snapshot s1/) });
  expect(world.paths.get(paths.vm(vm.id).disk)).toBe("before");
  await machines.stop("one", {}, emit);
  expect(await machines.snapshot("one", "still", emit, signal)).toMatchObject({ save: null });
  expect(await machines.restore("one", "still", {}, emit, signal)).toMatchObject({ state: "stopped" });
  expect(machines.snapshots("one").map(({ name }) => name)).toEqual(["s1", "still"]);
  await expect(machines.restore("one", "stil", {}, emit, signal)).rejects.toMatchObject({
    code: "SNAPSHOT_NOT_FOUND",
    hint: expect.stringContaining('"still"'),
  });
  await machines.deleteSnapshot(machines.snapshots("one")[0]?.id ?? "");
  assertTruth(host, "one snapshot left");
  await machines.delete("one");
  await machines.idle();
  assertTruth(host, "deleted with its VM");
});

test("a snapshot of another VMM is refused before anything is given up for it; its disk is not", async () => {
  const { host, machines, emit, signal, run } = await setUp();
  const vm = await run("one");
  const { id } = await machines.snapshot("one", "old", emit, signal);
  const store = createStore(host.db, () => 0);
  const kept = store.snapshots.byId(id);
  if (!kept?.save) throw new Error("no snapshot");
  store.snapshots.remove(id);
  store.snapshots.add({ ...kept, save: { ...kept.save, version: "0.9" } });
  const { process } = running(host, vm);
  await expect(machines.restore("one", "old", {}, emit, signal)).rejects.toMatchObject({ code: "SAVE_VERSION" });
  expect(running(host, vm).process).toEqual(process);
  const cold = await machines.restore("one", "old", { cold: true }, emit, signal);
  expect(cold.startedHow).toMatch(/^cold \(as was asked\)/);
  assertTruth(host, "cold from a snapshot");
});

test("forks go on from where their parent is, as other machines", async () => {
  const { host, world, machines, emit, signal, run } = await setUp();
  const parent = await run("one");
  await machines.idle();
  world.paths.set(paths.vm(parent.id).disk, "its work");
  const children = await machines.fork("one", { names: ["two"], count: 3 }, emit, signal);
  expect(children.map(({ name }) => name)).toEqual(["two", expect.any(String), expect.any(String)]);
  const guests = children.map((child) => running(host, child).guest);
  expect(new Set(guests.map(({ identities }) => identities[0]?.["machineId"])).size).toBe(3);
  for (const [at, child] of children.entries()) {
    expect(child).toMatchObject({
      state: "running",
      startedHow: expect.stringMatching(/^restored from a fork of one/),
    });
    expect(world.paths.get(paths.vm(child.id).disk)).toBe("its work");
    expect(guests[at]?.identities).toMatchObject([{ generation: 2, hostname: child.name }]);
  }
  expect(running(host, parent).isPaused).toBe(false);
  assertTruth(host, "forked");
});

test.each<[string, string, string[]]>([
  ["a name that is taken", "VM_NAME_TAKEN", ["one"]],
  ["no name", "VM_NAME_INVALID", ["A B"]],
  ["one name twice", "VM_NAME_TAKEN", ["two", "two"]],
])("forks: %s makes none", async (_, code, names) => {
  const { host, machines, emit, signal, run } = await setUp();
  await run("one");
  await machines.idle();
  await expect(machines.fork("one", { names }, emit, signal)).rejects.toMatchObject({ code });
  expect(machines.all()).toHaveLength(1);
  assertTruth(host, "not forked");
});

test.each(["restore", "copySparse", "save"])("forks: all or none when %s fails", async (what) => {
  const { host, world, machines, emit, signal, run } = await setUp();
  await run("one");
  await machines.idle();
  world.failing.set(what, new Error("no luck"));
  await expect(machines.fork("one", { names: [], count: 2 }, emit, signal)).rejects.toThrow("no luck");
  expect(machines.all()).toHaveLength(1);
  await machines.idle();
  assertTruth(host, `a fork without ${what}`);
});

test("a fork of a suspended VM leaves it suspended", async () => {
  const { host, machines, emit, signal, run } = await setUp();
  await run("one");
  await machines.suspend("one", emit, signal);
  await machines.fork("one", { names: ["two"] }, emit, signal);
  expect(machines.find("one").state).toBe("suspended");
  expect(machines.find("two").state).toBe("running");
  assertTruth(host, "forked from the disk");
});

test("a VM that nobody uses is suspended after its time, and says why", async () => {
  const { host, world, machines, emit, signal, run } = await setUp();
  world.idleLimit = 5;
  const suspended = state(machines, "suspended");
  await run("one");
  await suspended;
  await machines.idle();
  expect(machines.find("one").suspended).toMatchObject({ why: "not used for 5ms", save: expect.anything() });
  assertTruth(host, "suspended by itself");
  const { vm, end } = await machines.session("one");
  expect(vm.state).toBe("running");
  const again = state(machines, "suspended");
  end();
  await again;
  await machines.idle();
  world.idleLimit = 0;
  await machines.start("one", services, emit, signal);
  assertTruth(host, "and awake");
});

test.each<[string, Json]>([
  ["load", { ok: true, load1: 3, connections: 0 }],
  ["a connection", { ok: true, load1: 0, connections: 1 }],
  ["an answer that says nothing", { ok: true }],
])("%s keeps a VM from being suspended", async (_, stats) => {
  const { world, machines, run } = await setUp();
  const asked = new Deferred<void>();
  let left = 3;
  const onStats = () => void (--left === 0 && asked.resolve());
  world.guest = { ...world.guest, stats, onStats };
  world.idleLimit = 2;
  await run("one");
  await asked.promise;
  expect(machines.find("one").state).toBe("running");
  world.idleLimit = 0;
});

test("a session keeps its VM from being suspended, and no other", async () => {
  const { world, machines, run } = await setUp();
  await run("one");
  const { end } = await machines.session("one");
  world.idleLimit = 2;
  const suspended = state(machines, "suspended");
  await run("two");
  await suspended;
  expect(machines.find("one").state).toBe("running");
  const also = state(machines, "suspended");
  end();
  await also;
});

test("guests are told the time when the host slept", async () => {
  const host = saving();
  const clock = { offset: 0 };
  let look = () => {};
  const after = (ms: number, run: () => void) => {
    if (ms === 10_000) look = run;
    return () => {};
  };
  const now = () => 1_700_000_000_000 + clock.offset;
  const machines = await startDaemon(host, undefined, { after, clock: { now, monotonic: () => 0 } });
  const { emit, signal } = recorder();
  const { vm } = await machines.create(request("one"), services, emit, signal);
  const { identities } = running(host, vm).guest;
  look();
  await machines.idle();
  expect(identities).toHaveLength(1);
  clock.offset = 60_000;
  look();
  await machines.idle();
  expect(identities.at(-1)).toEqual({ generation: 1, clock: "1700000060.000000000" });
});

test("a VM's own time comes before the config's; 0 is never", async () => {
  const { world, machines, emit, signal } = await setUp();
  world.idleLimit = 1;
  await machines.create({ ...request("one"), idleMs: 0 }, services, emit, signal);
  await machines.idle();
  expect(machines.find("one").state).toBe("running");
});

/** Resolves when a VM gets into that state. */
function state(machines: Awaited<ReturnType<typeof startDaemon>>, wanted: string): Promise<void> {
  return new Promise((resolve) => void machines.subscribe((event) => event.state === wanted && resolve()));
}
