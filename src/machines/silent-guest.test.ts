/** A guest whose agent accepted the connection and never answers: each wait for it has its own limit. */
import { expect, test } from "bun:test";
import { defaultTimings, type MachineTimings, pacedTimings } from "./deps.ts";
import { askGuest } from "./guest/ask-guest.ts";
import type { Machines } from "./machines.ts";
import { emit, signal, started } from "./testing/crash.ts";
import { depsOf, type Host, newHost, shortTimings, startDaemon } from "./testing/daemon.ts";

type Limit = keyof MachineTimings;

/** All other limits are practically infinite: only the one under test can end the wait. */
async function daemonWith(limit: Limit): Promise<{ host: Host; machines: Machines; asked: number[] }> {
  const host = newHost();
  host.world.canSave = true;
  const timings = {
    ...defaultTimings,
    ...shortTimings,
    reconnectMs: 60_000,
    agentMs: 60_000,
    graceMs: 60_000,
    [limit]: 7,
  };
  const asked: number[] = [];
  const { after } = depsOf(host);
  const noting: typeof after = (ms, run) => {
    asked.push(ms);
    return after(ms, run);
  };
  return { host, machines: await startDaemon(host, undefined, { timings, after: noting }), asked };
}

const rows: [string, string, Limit, (m: Machines) => Promise<unknown>, string][] = [
  ["vm resume", "identity", "tellMs", (m) => m.resume("web"), "running"],
  ["vm snapshot", "settle", "syncMs", (m) => m.snapshot("web", "s1", emit, signal), "running"],
  ["vm suspend", "settle", "syncMs", (m) => m.suspend("web", emit, signal), "suspended"],
  ["vm stop", "poweroff", "powerOffMs", (m) => m.stop("web", {}, emit), "stopped"],
];

test.each(rows)("%s, whose guest is silent in %s, waits only for %s", async (label, verb, limit, act, state) => {
  const { host, machines, asked } = await daemonWith(limit);
  await started(machines);
  if (label === "vm resume") await machines.pause("web");
  const [vm] = host.world.living();
  if (vm) Object.assign(vm.guest.behaviour, { silentIn: [verb] });
  await act(machines);
  expect(asked).toContain(7);
  expect(machines.find("web").state).toBe(state as never);
  await machines.delete("web");
});

test("a guest that does not answer in time is reported as unreachable, with the limit", async () => {
  const { after } = depsOf(newHost());
  const client = { open: () => new Promise<never>(() => {}) };
  const session = { client: async () => client };
  const asking = askGuest({ after, timings: shortTimings }, { session: session as never, name: "web" }, 7, (one) =>
    one.open("stats", {}),
  );
  await expect(asking).rejects.toMatchObject({
    code: "AGENT_UNREACHABLE",
    message: expect.stringContaining("no answer within 0 s"),
  });
});

test("on a slow host guests get as much longer, and what the daemon's start waits for does not", () => {
  const slow = pacedTimings(10);
  for (const limit of ["agentMs", "restoredAgentMs", "servicesMs", "rehearsalMs", "graceMs", "powerOffMs"] as const)
    expect(slow[limit], limit).toBe(defaultTimings[limit] * 10);
  for (const limit of ["adoptMs", "sweepMs", "restoreTurnMs", "warmMs", "roomMs"] as const)
    expect(slow[limit], limit).toEqual(defaultTimings[limit]);
  expect(pacedTimings(1)).toEqual(defaultTimings);
});

test("the limits are of a length that a person would wait", () => {
  const { tellMs, powerOffMs, statsMs, syncMs, reconnectMs, growMs, restoredAgentMs, graceMs } = defaultTimings;
  expect(tellMs).toBeLessThanOrEqual(5_000);
  expect(powerOffMs * 2).toBeLessThan(graceMs);
  expect(Math.max(statsMs, syncMs, reconnectMs, growMs)).toBeLessThanOrEqual(30_000);
  expect(restoredAgentMs).toBeLessThanOrEqual(30_000);
});
