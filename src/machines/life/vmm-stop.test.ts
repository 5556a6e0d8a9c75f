import { expect, test } from "bun:test";
import type { VmmStop } from "../../vmm/driver.ts";
import { newHost, recorder, startDaemon } from "../testing/daemon.ts";
import { running, setUp, state } from "../testing/saving.ts";
import { assertTruth } from "../testing/truth.ts";

const full: VmmStop = { kind: "disk-full", reason: "No space left on device" };
const agent = { wait: "agent" } as const;

async function withVm() {
  const set = await setUp();
  const vm = await set.run("one");
  return { ...set, vm, inWorld: running(set.host, vm) };
}

test("a VM that its VMM stopped for lack of space reports so, with a hint", async () => {
  const { host, world, machines, inWorld } = await withVm();
  world.freeBytes = 4096;
  const paused = state(machines, "paused");
  world.failWrites(inWorld, full);
  await paused;
  const vm = machines.find("one");
  expect(vm.pausedBy).toEqual({
    kind: "disk-full",
    reason:
      "the host has no room for what the guest writes: No space left on device on the file system at /, 4 KiB free",
    next: expect.stringMatching(/banger image prune.*when there are 32 MiB$/),
    log: [],
    at: expect.any(Number),
  });
  await expect(machines.session("one")).rejects.toMatchObject({ code: "VM_STATE", hint: vm.pausedBy?.next as string });
  expect(inWorld.isPaused).toBe(true);
  machines.release();
  assertTruth(host, "stopped");
});

test("it resumes on its own when there is space, and gets the time", async () => {
  const { world, machines, inWorld } = await withVm();
  world.freeBytes = 4096;
  const paused = state(machines, "paused");
  world.failWrites(inWorld, full);
  await paused;
  const resumed = state(machines, "running");
  world.failWrites(inWorld, null);
  world.freeBytes = 2 ** 30;
  await resumed;
  await machines.idle();
  expect(machines.find("one")).toMatchObject({ state: "running", pausedBy: null });
  expect(inWorld.isPaused).toBe(false);
  expect(inWorld.guest.identities.at(-1)).toEqual({ generation: 1, clock: expect.any(String) });
});

test("it is stopped again if it writes more than there is space for, and is retried", async () => {
  const { world, machines, inWorld } = await withVm();
  const seen: string[] = [];
  machines.subscribe((event) => void seen.push(event.state));
  const twice = new Promise<void>((resolve) => {
    machines.subscribe(() => seen.filter((one) => one === "paused").length === 2 && resolve());
  });
  world.failWrites(inWorld, full);
  await twice;
  expect(seen.slice(0, 3)).toEqual(["paused", "running", "paused"]);
  const resumed = state(machines, "running");
  world.failWrites(inWorld, null);
  await resumed;
});

test("the next daemon finds it stopped, whether its predecessor had recorded that or not, and resumes it", async () => {
  for (const isNoted of [true, false]) {
    const { host, world, machines, inWorld } = await withVm();
    world.freeBytes = 4096;
    const paused = state(machines, "paused");
    if (!isNoted) machines.release();
    world.failWrites(inWorld, full);
    if (isNoted) await paused;
    machines.release();
    const next = await startDaemon(host);
    expect(next.find("one")).toMatchObject({ state: "paused", pausedBy: { kind: "disk-full" } });
    const resumed = state(next, "running");
    world.failWrites(inWorld, null);
    world.freeBytes = 2 ** 30;
    await resumed;
    expect(inWorld.isPaused).toBe(false);
  }
});

test.each([
  [
    { kind: "io-error", reason: "Input/output error" },
    "the host can't write what the guest writes: Input/output error",
  ],
  [
    { kind: "file-limit", reason: "File too large" },
    "a file of the VM's disk has reached the largest size that the host allows: File too large",
  ],
  [{ kind: "vmm-error", reason: "no way on" }, "its VMM can't run it any further: no way on"],
] as [VmmStop, string][])("%o stays until a user acts, with the VMM's last log lines", async (stop, reason) => {
  const { world, machines, inWorld, vm } = await withVm();
  world.paths.set(`/s/vms/${vm.id}/vmm.log`, "KVM internal error\u001b[1m\n");
  const paused = state(machines, "paused");
  world.stop(inWorld, stop);
  await paused;
  await machines.idle();
  expect(machines.find("one").pausedBy).toMatchObject({ kind: stop.kind, reason, log: ["KVM internal error"] });
  await machines.resume("one");
  expect(machines.find("one")).toMatchObject({ state: "running", pausedBy: null });
});

test("a VM that a user paused stays paused, even if its VMM stops it meanwhile", async () => {
  const { world, machines, inWorld } = await withVm();
  await machines.pause("one");
  world.stop(inWorld, full);
  await machines.idle();
  expect(machines.find("one")).toMatchObject({ state: "paused", pausedBy: null });
});

test("stop, kill and delete work on a VM that was stopped this way", async () => {
  for (const end of ["stop", "kill", "delete"] as const) {
    const { host, world, machines, inWorld } = await withVm();
    world.freeBytes = 4096;
    const paused = state(machines, "paused");
    world.failWrites(inWorld, full);
    await paused;
    await machines.idle();
    if (end === "stop") await machines.stop("one", { graceMs: 1 }, () => {});
    else await machines[end]("one");
    expect(machines.all().map((vm) => [vm.state, vm.pausedBy])).toEqual(end === "delete" ? [] : [["stopped", null]]);
    await machines.idle();
    assertTruth(host, `${end} on a full disk`);
  }
});

test("a start whose guest is stopped ends at once, with the reason", async () => {
  const host = newHost();
  host.world.guest.answers = false;
  const machines = await startDaemon(host, undefined, {});
  const { emit, signal } = recorder();
  const boots = host.world.nextVm();
  const start = machines.create({ name: "web", ephemeral: false }, agent, emit, signal);
  host.world.stop(await boots, full);
  await expect(start).rejects.toMatchObject({
    code: "VM_BOOT_FAILED",
    message: expect.stringMatching(/no space left at \/s\/vms while starting "web": .* free$/),
  });
  expect(machines.find("web")).toMatchObject({ state: "failed", pausedBy: null });
  await machines.idle();
  assertTruth(host, "a start on a full disk");
});
