/** Idle VMs, and guests after the host slept, over a host in memory. */
import { expect, test } from "bun:test";
import { Deferred } from "../../base/async.ts";
import type { Json } from "../../wire/agent/types.ts";
import { recorder, startDaemon } from "../testing/daemon.ts";
import { request, running, saving, services, setUp, state } from "../testing/saving.ts";
import { assertTruth } from "../testing/truth.ts";

test("an idle VM is suspended after its timeout, with the reason", async () => {
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

test("guests get the time after the host slept", async () => {
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

test("a VM's own timeout overrides the config's; 0 means never", async () => {
  const { world, machines, emit, signal } = await setUp();
  world.idleLimit = 1;
  await machines.create({ ...request("one"), idleMs: 0 }, services, emit, signal);
  await machines.idle();
  expect(machines.find("one").state).toBe("running");
});

test("a VM that was paused and resumed is suspended after its timeout, too", async () => {
  const { world, machines, run } = await setUp();
  await run("one");
  await machines.pause("one");
  world.idleLimit = 2;
  const suspended = state(machines, "suspended");
  await machines.resume("one");
  await suspended;
});
