/** VMs that stand still, and VMs that take no process, over a host in memory. */
import { expect, test } from "bun:test";
import { paths } from "./testing/daemon.ts";
import { running, services, setUp } from "./testing/saving.ts";
import { assertTruth } from "./testing/truth.ts";

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
