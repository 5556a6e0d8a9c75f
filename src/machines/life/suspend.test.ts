/** Paused VMs and suspended ones, which have no process, over a host in memory. */
import { expect, test } from "bun:test";
import { paths } from "../testing/daemon.ts";
import { running, services, setUp } from "../testing/saving.ts";
import { assertTruth } from "../testing/truth.ts";

test("paused and resumed: the guest gets the time", async () => {
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

test("a paused VM is stopped as a running one is", async () => {
  const { host, machines, emit, run } = await setUp();
  const vm = running(host, await run("one"));
  await machines.pause("one");
  expect((await machines.stop("one", {}, emit)).cut).toBe(false);
  expect(vm.isPaused).toBe(false);
});

test("suspended: no process is left; the next session wakes the VM, once for all concurrent sessions", async () => {
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

test("a session that does not wake is refused, also while the VM is being suspended", async () => {
  const { world, machines, emit, signal, run } = await setUp();
  await run("one");
  await machines.idle();
  const before = world.vmms.size;
  const suspending = machines.suspend("one", emit, signal);
  const during = machines.session("one", { wakes: false }).catch((error) => error);
  await suspending;
  await during;
  await expect(machines.session("one", { wakes: false })).rejects.toMatchObject({ code: "VM_STATE" });
  expect([machines.find("one").state, world.vmms.size]).toEqual(["suspended", before]);
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

test("a suspended VM that can't be restored stays suspended, and boots on request", async () => {
  const { host, world, machines, emit, signal, run } = await setUp();
  const vm = await run("one");
  await machines.suspend("one", emit, signal);
  world.paths.delete(paths.suspended(vm.id).memory);
  await expect(machines.start("one", services, emit, signal)).rejects.toMatchObject({ code: "SAVE_DAMAGED" });
  expect(machines.find("one").state).toBe("suspended");
  const started = await machines.start("one", { ...services, cold: true }, emit, signal);
  expect(started.startedHow).toMatch(/^cold \(as requested\)/);
  await machines.idle();
  assertTruth(host, "booted");
});

test.each(["disk", "memory"] as const)(
  "a suspended VM whose %s was modified is neither woken with it nor forked",
  async (part) => {
    const { host, world, machines, emit, signal, run } = await setUp();
    const { id } = await run("one");
    await machines.suspend("one", emit, signal);
    const path = part === "disk" ? paths.vm(id).disk : paths.suspended(id).memory;
    const before = world.paths.get(path) as string;
    world.paths.set(path, "other");
    const refused = { code: "SAVE_DAMAGED", details: { path, problem: "was written to since it was saved" } };
    await expect(machines.start("one", services, emit, signal)).rejects.toMatchObject(refused);
    await expect(machines.session("one")).rejects.toMatchObject(refused);
    await expect(machines.fork("one", { names: ["two"] }, emit, signal)).rejects.toMatchObject(refused);
    expect(machines.all().map(({ state }) => state)).toEqual(["suspended"]);
    world.paths.set(path, before);
    expect(await machines.start("one", services, emit, signal)).toMatchObject({ state: "running" });
    await machines.idle();
    assertTruth(host, "woken");
  },
);

test("a user who disconnects while a VM wakes does not end it", async () => {
  const { host, machines, emit, run } = await setUp();
  await run("one");
  await machines.suspend("one", emit, new AbortController().signal);
  const abort = new AbortController();
  const restoring = (event: { kind: string; text?: string }) => event.text?.startsWith("restoring") && abort.abort();
  const leaving = machines.start("one", services, restoring as never, abort.signal).catch((error: unknown) => error);
  await leaving;
  const { state, suspended } = machines.find("one");
  expect([state, suspended === null]).toEqual(
    expect.arrayContaining([state === "suspended" ? "suspended" : "running"]),
  );
  await machines.idle();
  assertTruth(host, "left while waking");
});

test("a session that is opened while its VM is being suspended waits, and wakes it", async () => {
  const { host, machines, emit, signal, run } = await setUp();
  await run("one");
  const suspending = machines.suspend("one", emit, signal);
  const { vm } = await machines.session("one");
  await suspending;
  expect(vm).toMatchObject({ state: "running", startedHow: expect.stringMatching(/^restored from where/) });
  await machines.idle();
  assertTruth(host, "used while it was suspended");
});

test("sessions that are opened while a VM wakes wait for it", async () => {
  const { machines, emit, signal, run } = await setUp();
  await run("one");
  await machines.suspend("one", emit, signal);
  const waking = new Promise<void>(
    (resolve) => void machines.subscribe(({ state }) => state === "starting" && resolve()),
  );
  const first = machines.session("one");
  await waking;
  const [one, two] = await Promise.all([first, machines.session("one")]);
  expect([one.vm.generation, two.vm.generation]).toEqual([2, 2]);
});

test("a cold start that dies before its VMM is recorded does not return to the old memory", async () => {
  const { host, world, machines, emit, signal, run } = await setUp();
  const vm = await run("one");
  await machines.suspend("one", emit, signal);
  world.failing.set("boot", new Error("no luck"));
  await expect(machines.start("one", { ...services, cold: true }, emit, signal)).rejects.toThrow("no luck");
  expect(machines.find("one")).toMatchObject({ state: "stopped", suspended: null });
  world.failing.clear();
  expect(world.list(paths.vm(vm.id).directory)).not.toContain("saved");
  assertTruth(host, "a cold start that failed");
});

test("a VM that resumes keeps its boot id, however it was woken", async () => {
  const { host, machines, emit, signal, run } = await setUp();
  const vm = await run("one");
  await machines.suspend("one", emit, signal);
  await machines.session("one");
  expect(running(host, vm).guest.identities).toMatchObject([{ generation: 2, keepBootId: true }]);
});
