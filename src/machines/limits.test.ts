/** Every wait for an agent is limited by the daemon's own timers: no time passes here, the test fires them. */
import { expect, test } from "bun:test";
import type { AgentClient } from "../wire/agent/types.ts";
import type { GuestContext } from "./guest/context.ts";
import { runOnce } from "./guest/run-once.ts";
import type { Machines } from "./machines.ts";
import { created, emit, signal } from "./testing/crash.ts";
import { depsOf, newHost, shortTimings, startDaemon } from "./testing/daemon.ts";
import { services } from "./testing/saving.ts";
import { FakeTimers } from "./testing/timers.ts";
import { assertTruth } from "./testing/truth.ts";

/** each value is different, so that a test fires the one it means */
const [agentMs, readerMs, servicesMs, restoredAgentMs] = [1_000_001, 1_000_002, 1_000_003, 1_000_004];
const timings = { ...shortTimings, agentMs, readerMs, servicesMs, restoredAgentMs };

async function setUp() {
  const host = newHost();
  host.world.canSave = true;
  const timers = new FakeTimers();
  const { connectAgent } = depsOf(host);
  const guests = { connect: true };
  const machines = await startDaemon(host, undefined, {
    timings,
    after: timers.after,
    connectAgent: (...asked) => (guests.connect ? connectAgent(...asked) : new Promise(() => {})),
  });
  return { host, timers, machines, guests };
}

const request = { image: "mine" };

const rows: [string, (machines: Machines) => Promise<unknown>, number[], string][] = [
  ["start", (m) => m.start("web", services, emit, signal), [agentMs], "VM_BOOT_FAILED"],
  // then it waits briefly for the end of its reader
  ["save", (m) => m.save("web", request, emit, signal), [agentMs, timings.endingMs], "AGENT_UNREACHABLE"],
];

test.each(rows)("a %s whose agent can't be reached ends after its limit", async (_, act, limits, code) => {
  const { host, timers, machines, guests } = await setUp();
  await created(machines);
  // a VM that never ran has nothing to save
  await machines.start("web", { wait: "agent" }, emit, signal);
  await machines.kill("web");
  guests.connect = false;
  const acting = act(machines);
  acting.catch(() => {});
  for (const ms of limits) await timers.fire(ms);
  await expect(acting).rejects.toMatchObject({ code });
  await machines.delete("web");
  await machines.idle();
  assertTruth(host, "after the limit");
});

test("a template whose agent can't be reached ends after its limit", async () => {
  const { host, timers, machines, guests } = await setUp();
  guests.connect = false;
  const making = machines.warmTemplate({ ephemeral: false }, emit, signal);
  making.catch(() => {});
  await timers.fire(agentMs);
  await expect(making).rejects.toMatchObject({ code: "TEMPLATE_FAILED" });
  await machines.idle();
  assertTruth(host, "after the limit");
});

test("a save whose reader sends nothing ends after its limit", async () => {
  const { host, timers, machines } = await setUp();
  await created(machines);
  await machines.start("web", { wait: "agent" }, emit, signal);
  await machines.kill("web");
  host.world.guest.reads = false;
  const saving = machines.save("web", request, emit, signal);
  saving.catch(() => {});
  await timers.fire(readerMs);
  await expect(saving).rejects.toMatchObject({ code: "DISK_UNREADABLE" });
});

test("a start continues without services that are late", async () => {
  const { host, timers, machines } = await setUp();
  await created(machines);
  host.world.guest.services = null;
  const starting = machines.start("web", services, emit, signal);
  await timers.fire(servicesMs);
  expect((await starting).state).toBe("running");
});

test("a command that does not end has no status after its limit", async () => {
  const timers = new FakeTimers();
  const closed = new Promise<void>(() => {});
  const stream = { onData() {}, onEvent() {}, eof() {}, close() {}, closed };
  const client = { open: async () => stream } as unknown as AgentClient;
  const running = runOnce({ timings, after: timers.after } as unknown as GuestContext, client, ["true"], signal);
  await timers.fire(servicesMs);
  expect(await running).toBeNull();
});

test("a warm VM whose agent can't be reached is given up after its limit", async () => {
  const { host, timers, machines, guests } = await setUp();
  const create = (name: string) => machines.create({ name, ephemeral: false }, services, emit, signal);
  await create("first");
  await machines.idle();
  host.world.keepsWarm = true;
  guests.connect = false;
  await machines.delete("first");
  await timers.fire(timings.warmAfterEndMs);
  await timers.fire(restoredAgentMs);
  await machines.idle();
  assertTruth(host, "without a warm VM");
});
