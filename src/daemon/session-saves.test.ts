/** Sessions with a VM while it is saved, on drivers that keep connections over a save and on those that don't. */
import { afterEach, describe, expect, test } from "bun:test";
import { clientVerbs } from "../api/types.ts";
import { Deferred } from "../base/async.ts";
import { shortTimings } from "../machines/testing/daemon.ts";
import { combineDrivers } from "../vmm/drivers.ts";
import { createFakeDriver, type FakeBehaviour, FakeWorld, plainFeatures } from "../vmm/testing/fake.ts";
import { connectAgent } from "../wire/agent/client.ts";
import { relayAgent } from "../wire/agent/relay.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import { ask } from "./testing/client.ts";
import { enter } from "./testing/door.ts";
import { type Served, serve } from "./testing/serve.ts";

let served: Served | null = null;
afterEach(async () => {
  await served?.close();
  served = null;
});

async function withVm(features: typeof plainFeatures, behaviour: FakeBehaviour) {
  const world = new FakeWorld();
  world.behaviour = () => behaviour;
  served = await serve({
    deps: {
      drivers: combineDrivers([createFakeDriver(world, "fake", features)]),
      connectAgent,
      templateLimit: async () => 0,
      // shorter than a save takes here
      timings: { ...shortTimings, agentMs: 5000, restoredAgentMs: 5000, tellMs: 5000, reconnectMs: 20 },
    },
    relay: (line, upstream, watch) => relayAgent(line, upstream, { allow: clientVerbs, ...watch }),
  });
  const made = await ask(served.socket, "POST", "/v1/vms", { name: "web", start: true });
  expect(made.lines.at(-1)).toEqual({ kind: "result", value: expect.objectContaining({ state: "running" }) });
  return { world, socket: served.socket, machines: served.machines };
}

async function echo(client: AgentClient): Promise<string> {
  const stream = await client.open("exec", { argv: ["echo", "hello"] });
  let output = "";
  stream.onData((_channel, data) => {
    output += Buffer.from(data).toString();
  });
  await stream.closed;
  return output;
}

const save = (socket: string, verb: string) =>
  ask(socket, "POST", `/v1/vms/web/${verb}`, ...(verb === "suspend" ? [] : [{}]));

/** More than `reconnectMs`, on any machine. */
const longer = () => new Promise((resolve) => setTimeout(resolve, 60));

describe.each([
  ["keeps sessions", {}],
  ["does not", plainFeatures],
])("a driver that %s", (_, features) => {
  // the files of this world are not where a fake VMM could save to
  const failing = { saveFails: "no reason" };

  test.each(["fork", "snapshots", "suspend"])("a session that is asked for during %s begins after it", async (verb) => {
    const saved = new Deferred<void>();
    const { world, socket, machines } = await withVm(features, { ...failing, saveWaits: saved.promise });
    const before = await enter(socket, "web");
    const work = save(socket, verb);
    while (!world.machine(machines.find("web").id).paused) await longer();
    world.machine(machines.find("web").id).dropConnection();
    await before.closed;
    const opening = enter(socket, "web");
    await longer();
    saved.resolve();
    expect(await echo(await opening)).toBe("hello\n");
    expect((await work).lines.at(-1)).toMatchObject({ kind: "error", error: { code: "SAVE_FAILED" } });
    expect(machines.find("web").state).toBe("running");
  });

  test("after a save a session continues, or can be opened again", async () => {
    const { socket } = await withVm(features, failing);
    const before = await enter(socket, "web");
    await save(socket, "suspend");
    const client = features === plainFeatures ? await before.closed.then(() => enter(socket, "web")) : before;
    expect(await echo(client)).toBe("hello\n");
  });
});

test("a driver that can't save VMs refuses to, and its VM runs on with its sessions", async () => {
  const { socket, machines } = await withVm({ ...plainFeatures, snapshots: false }, {});
  const client = await enter(socket, "web");
  for (const verb of ["fork", "snapshots", "suspend"]) {
    const said = await save(socket, verb);
    const error = { code: "SAVE_FAILED", message: expect.stringContaining("version 1.0 of it can't save VMs") };
    expect(said.lines.at(-1)).toMatchObject({ kind: "error", error });
  }
  expect(machines.all().map(({ name, state }) => `${name} ${state}`)).toEqual(["web running"]);
  expect(await echo(client)).toBe("hello\n");
  expect(machines.find("web").startedHow).toStartWith("cold (fake 1.0 can't save VMs)");
});
