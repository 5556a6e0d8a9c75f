/** Snapshots and forks, over a host in memory. */
import { expect, test } from "bun:test";
import { toBangerError } from "../../base/errors/error.ts";
import { createStore } from "../../store/store.ts";
import { paths } from "../testing/daemon.ts";
import { running, setUp } from "../testing/saving.ts";
import { assertTruth } from "../testing/truth.ts";

test("snapshots: taken of a running VM and of a stopped one, restored, deleted", async () => {
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

test("a snapshot of another VMM is refused before any state is discarded for it; its disk is not refused", async () => {
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
  expect(cold.startedHow).toMatch(/^cold \(as requested\)/);
  assertTruth(host, "cold from a snapshot");
});

test("forks resume from their parent's state, as other machines", async () => {
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

test.each<[string, (path: { memory: string; disk: string }) => string, string]>([
  ["memory that is gone", ({ memory }) => memory, "SAVE_DAMAGED"],
  ["a disk that is gone", ({ disk }) => disk, "SAVE_DAMAGED"],
])("a snapshot with %s is refused, and the VM runs on", async (_, part, code) => {
  const { host, world, machines, emit, signal, run } = await setUp();
  const vm = await run("one");
  const { id } = await machines.snapshot("one", "s", emit, signal);
  const { process } = running(host, vm);
  const path = part(paths.snapshot(id));
  const content = world.paths.get(path) ?? "";
  world.paths.delete(path);
  const refused = await machines.restore("one", "s", {}, emit, signal).catch((error: unknown) => toBangerError(error));
  expect(refused).toMatchObject({ code });
  expect(running(host, vm)).toMatchObject({ process, isPaused: false });
  world.paths.set(path, content);
  assertTruth(host, "a damaged snapshot");
});

test("a snapshot whose disk was modified is booted from on request, and this is reported", async () => {
  const { world, machines, emit, signal, run, texts } = await setUp();
  await run("one");
  const { id } = await machines.snapshot("one", "s", emit, signal);
  world.paths.set(paths.snapshot(id).disk, "other");
  await machines.restore("one", "s", { cold: true }, emit, signal);
  expect(texts()).toContain("the disk of snapshot s was written to since it was saved");
});

test.each(["memory", "disk"] as const)("a snapshot whose %s was written to is refused by name", async (part) => {
  const { world, machines, emit, signal, run } = await setUp();
  await run("one");
  const { id } = await machines.snapshot("one", "s", emit, signal);
  world.paths.set(paths.snapshot(id)[part], "spoiled");
  await expect(machines.restore("one", "s", {}, emit, signal)).rejects.toMatchObject({ code: "SAVE_DAMAGED" });
  expect(machines.find("one").state).toBe("running");
});
