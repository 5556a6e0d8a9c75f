/** Wakes that fail after the guest has begun to run: what the VM was woken from is still there. */
import { expect, test } from "bun:test";
import type { VmExit } from "../../vmm/driver.ts";
import { paths, startDaemon } from "../testing/daemon.ts";
import type { GuestBehaviour } from "../testing/guest.ts";
import { running, saving, services, setUp } from "../testing/saving.ts";
import { assertTruth } from "../testing/truth.ts";

const silent = { answers: false };
const dies = (exit: VmExit) => ({ diesEarly: exit });

async function suspended(changes: { sharesBlocks?: boolean } = {}) {
  const host = saving();
  Object.assign(host.world, changes);
  const all = await setUp(host);
  const vm = await all.run("one");
  await all.machines.suspend("one", all.emit, all.signal);
  const guest = { ...host.world.guest };
  const behave = (change: Partial<GuestBehaviour>) => {
    host.world.guest = { ...guest, ...change };
  };
  return { ...all, vm, behave };
}

const failures: [string, Partial<GuestBehaviour>][] = [
  ["never answers", silent],
  ["answers, and takes no identity", { silentIn: ["identity"] }],
  ["resets its machine", dies({ kind: "reboot" })],
  ["has a VMM that dies", dies({ kind: "vmm-died", reason: "the CPU lacks a feature" })],
];

test.each(failures)("a guest that %s stays suspended, and is woken when it can be", async (_what, behaviour) => {
  const { host, vm, machines, emit, signal, behave } = await suspended();
  behave(behaviour);
  const failed = { code: "VM_WAKE_FAILED", hint: expect.stringContaining("`banger vm start one`") };
  await expect(machines.session("one")).rejects.toMatchObject(failed);
  await expect(machines.start("one", services, emit, signal)).rejects.toMatchObject(failed);
  await machines.idle();
  expect(machines.find("one").state).toBe("suspended");
  assertTruth(host, "not woken");
  behave({});
  await machines.session("one");
  expect(machines.find("one").startedHow).toStartWith("restored from where it was suspended");
  expect(running(host, vm).guest.generation).toBeGreaterThan(1);
  await machines.idle();
  assertTruth(host, "woken");
});

test.each([1, 3])(
  "a disk that %d failed wakes have written to is put back where blocks can be shared",
  async (times) => {
    const { host, world, machines, behave, vm } = await suspended({ sharesBlocks: true });
    const { disk } = paths.vm(vm.id);
    const before = world.paths.get(disk);
    behave({ ...silent, writesWhenWoken: true });
    for (let time = 0; time < times; time++)
      await expect(machines.session("one")).rejects.toMatchObject({ code: "VM_WAKE_FAILED" });
    expect(world.paths.get(disk)).toBe(before as string);
    behave({});
    expect((await machines.session("one")).vm.state).toBe("running");
    await machines.idle();
    assertTruth(host, "woken with its old disk");
  },
);

test("elsewhere the memory no longer matches the disk: the user is told, and decides", async () => {
  const { host, world, machines, emit, signal, behave, vm } = await suspended();
  behave({ ...silent, writesWhenWoken: true });
  await expect(machines.session("one")).rejects.toMatchObject({
    code: "VM_WAKE_FAILED",
    message: expect.stringContaining("its guest wrote to its disk"),
    hint: expect.stringContaining("`banger vm start --cold one`"),
  });
  expect(world.paths.has(paths.suspended(vm.id).memory)).toBe(true);
  behave({});
  await expect(machines.session("one")).rejects.toMatchObject({ code: "SAVE_DAMAGED" });
  await expect(machines.fork("one", { names: ["two"] }, emit, signal)).rejects.toMatchObject({ code: "SAVE_DAMAGED" });
  const started = await machines.start("one", { ...services, cold: true }, emit, signal);
  expect(started.startedHow).toMatch(/^cold \(as requested\)/);
  await machines.idle();
  assertTruth(host, "booted");
});

test("a disk that someone else changed while its VM was suspended is not put back", async () => {
  const { world, machines, vm } = await suspended({ sharesBlocks: true });
  const { disk } = paths.vm(vm.id);
  world.paths.set(disk, "repaired by hand");
  await expect(machines.session("one")).rejects.toMatchObject({ code: "SAVE_DAMAGED" });
  expect(world.paths.get(disk)).toBe("repaired by hand");
});

test("a boot after a failed wake is from the disk as it was", async () => {
  const { world, machines, emit, signal, behave, vm } = await suspended({ sharesBlocks: true });
  behave({ ...silent, writesWhenWoken: true });
  await expect(machines.session("one")).rejects.toMatchObject({ code: "VM_WAKE_FAILED" });
  behave({});
  await machines.start("one", { ...services, cold: true }, emit, signal);
  expect(world.paths.get(paths.vm(vm.id).disk)).not.toContain("written");
});

test("a suspended VM that would be deleted with its session is kept when it can't be woken", async () => {
  const { machines, emit, signal, world } = await setUp();
  const { vm } = await machines.create({ name: "one", ephemeral: true }, services, emit, signal);
  await machines.suspend("one", emit, signal);
  world.guest = { ...world.guest, ...silent };
  await expect(machines.session("one")).rejects.toMatchObject({ code: "VM_WAKE_FAILED" });
  expect(machines.find("one")).toMatchObject({ id: vm.id, state: "suspended", ephemeral: false });
});

test("a VM whose daemon and VMM die while it wakes is suspended, with its disk", async () => {
  const { host, world, machines, behave, vm } = await suspended({ sharesBlocks: true });
  behave({ ...silent, writesWhenWoken: true });
  const begun = world.nextVm();
  void machines.session("one").catch(() => {});
  const woken = await begun;
  while (woken.isPaused) await Bun.sleep(0);
  machines.release();
  woken.guest.end({ kind: "vmm-died", reason: "the host lost power" });
  const next = await startDaemon(host);
  await next.idle();
  expect(next.find("one").state).toBe("suspended");
  assertTruth(host, "after the host's crash");
  behave({});
  expect((await next.session("one")).vm.state).toBe("running");
  expect(world.paths.get(paths.vm(vm.id).disk)).not.toContain("written");
});
