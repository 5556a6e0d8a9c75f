/** Requests for the current state, and stopping, killing or restarting a suspended VM. */
import { expect, test } from "bun:test";
import { paths, recorder, shortTimings } from "../testing/daemon.ts";
import { saving, services, setUp } from "../testing/saving.ts";
import { assertTruth } from "../testing/truth.ts";

test("starting a running VM and stopping a stopped one does nothing, and reports so", async () => {
  const { host, world, machines, emit, signal, run, texts } = await setUp();
  await run("web");
  const before = world.vmms.size;
  expect(await machines.start("web", services, emit, signal)).toMatchObject({ state: "running", generation: 1 });
  expect(texts().at(-1)).toBe('"web" is running already');
  expect(world.vmms.size).toBe(before);
  await machines.stop("web", {}, emit);
  expect(await machines.stop("web", {}, emit)).toMatchObject({ vm: { state: "stopped" }, cut: false });
  expect(texts().at(-1)).toBe('"web" is stopped already');
  assertTruth(host, "stopped twice");
});

test("killing a stopped VM is refused, with its state", async () => {
  const { machines, emit, run } = await setUp();
  await run("web");
  await machines.stop("web", {}, emit);
  await expect(machines.kill("web")).rejects.toMatchObject({ code: "VM_STATE" });
});

test.each(["start", "stop", "restart"] as const)("while a guest reboots, %s waits until it is up", async (action) => {
  const { host, world, machines, emit, signal, run } = await setUp();
  await run("web");
  world.living()[0]?.guest.end({ kind: "reboot" });
  await Bun.sleep(0);
  const ask = {
    start: () => machines.start("web", services, emit, signal),
    stop: () => machines.stop("web", {}, emit),
    restart: () => machines.restart("web", services, emit, signal),
  };
  await ask[action]();
  const [state, generation] = { start: ["running", 2], stop: ["stopped", 2], restart: ["running", 3] }[action];
  expect(machines.find("web")).toMatchObject({ state, generation });
  await machines.idle();
  assertTruth(host, "reboot");
});

test("stopping a failed VM keeps its reason", async () => {
  const { machines, emit, run, world } = await setUp();
  await run("web");
  const ended = machines.waitForEnd("web", recorder().signal);
  world.living().at(-1)?.guest.end({ kind: "panic", reason: "x" });
  await ended;
  const { vm } = await machines.stop("web", {}, emit);
  expect(vm).toMatchObject({ state: "failed", failure: { reason: "the guest's kernel panicked: x" } });
});

test("two concurrent starts, or stops, get the same VM", async () => {
  const { host, world, machines, emit, signal, run } = await setUp();
  await run("web");
  const stops = [machines.stop("web", {}, emit)];
  await Bun.sleep(0);
  stops.push(machines.stop("web", {}, emit));
  expect((await Promise.all(stops)).map(({ vm }) => vm.state)).toEqual(["stopped", "stopped"]);
  const before = world.vmms.size;
  const starts = [machines.start("web", services, emit, signal)];
  await Bun.sleep(0);
  starts.push(machines.start("web", services, emit, signal));
  expect((await Promise.all(starts)).map((vm) => vm.state)).toEqual(["running", "running"]);
  expect(world.vmms.size).toBe(before + 1);
  await machines.idle();
  assertTruth(host, "started twice");
});

test("starting a paused VM is refused, and the hint says how to resume it", async () => {
  const { machines, emit, signal, run } = await setUp();
  await run("web");
  await machines.pause("web");
  await expect(machines.start("web", services, emit, signal)).rejects.toMatchObject({
    code: "VM_STATE",
    hint: expect.stringContaining("banger vm resume web"),
  });
});

test("a suspended VM is woken to be stopped, so that its guest powers off", async () => {
  const { host, world, machines, emit, signal, run } = await setUp();
  await run("web");
  await machines.suspend("web", emit, signal);
  const waking = world.nextVm();
  expect(await machines.stop("web", {}, emit)).toMatchObject({ vm: { state: "stopped", suspended: null }, cut: false });
  expect((await waking).guest.exit).toEqual({ kind: "poweroff" });
  await machines.idle();
  assertTruth(host, "stopped from its suspension");
});

test("a VM that can't be woken stays suspended when it is stopped, and can be killed", async () => {
  const { host, world, machines, emit, signal, run } = await setUp();
  const { id } = await run("web");
  await machines.suspend("web", emit, signal);
  world.paths.delete(paths.suspended(id).memory);
  await expect(machines.stop("web", {}, emit)).rejects.toMatchObject({ code: "SAVE_DAMAGED" });
  expect(machines.find("web").state).toBe("suspended");
  expect(await machines.kill("web")).toMatchObject({ state: "stopped", suspended: null });
  expect(world.list(paths.suspended(id).directory)).toEqual([]);
  await machines.idle();
  assertTruth(host, "killed while suspended");
});

test("a VM that is being woken to be stopped is killed and deleted at once", async () => {
  for (const end of ["kill", "delete"] as const) {
    const { host, world, machines, emit, signal, run } = await setUp(saving(), {
      timings: { ...shortTimings, graceMs: 3_600_000 },
    });
    await run("web");
    await machines.suspend("web", emit, signal);
    world.guest = { ...world.guest, obeys: false, hasButton: false };
    const waking = world.nextVm();
    const stopping = machines.stop("web", {}, emit).catch((error: unknown) => error);
    await waking;
    await machines[end]("web");
    await stopping;
    expect(machines.all().map(({ state }) => state)).toEqual(end === "kill" ? ["stopped"] : []);
    await machines.idle();
    assertTruth(host, `${end} while waking`);
  }
});

test.each(["stopped", "suspended"])("restarting a %s VM boots it", async (state) => {
  const { host, machines, emit, signal, run } = await setUp();
  await run("web");
  if (state === "stopped") await machines.stop("web", {}, emit);
  else await machines.suspend("web", emit, signal);
  const vm = await machines.restart("web", services, emit, signal);
  expect(vm).toMatchObject({ state: "running", suspended: null });
  expect(vm.startedHow).toStartWith("cold");
  await machines.idle();
  assertTruth(host, `restarted when ${state}`);
});

test("suspending a suspended VM does nothing, and reports so", async () => {
  const { machines, emit, signal, run, texts } = await setUp();
  await run("web");
  await machines.suspend("web", emit, signal);
  expect(await machines.suspend("web", emit, signal)).toMatchObject({ state: "suspended" });
  expect(texts().at(-1)).toBe('"web" is suspended already');
});
