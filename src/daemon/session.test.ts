/** The whole path of a command: client, daemon, relay, driver, the agent's protocol, and back; only the guest is fake. */
import { afterEach, expect, test } from "bun:test";
import { clientVerbs } from "../api/types.ts";
import { Deferred } from "../base/async.ts";
import { shortTimings } from "../machines/testing/daemon.ts";
import { combineDrivers } from "../vmm/drivers.ts";
import { createFakeDriver, type FakeBehaviour, FakeWorld } from "../vmm/testing/fake.ts";
import { connectAgent } from "../wire/agent/client.ts";
import { relayAgent } from "../wire/agent/relay.ts";
import type { AgentClient, Json } from "../wire/agent/types.ts";
import { ask } from "./testing/client.ts";
import { enter } from "./testing/door.ts";
import { type Served, serve } from "./testing/serve.ts";

let served: Served | null = null;
afterEach(async () => {
  await served?.close();
  served = null;
});

async function withVm(behaviour: FakeBehaviour = {}) {
  const world = new FakeWorld();
  world.behaviour = () => behaviour;
  served = await serve({
    deps: {
      drivers: combineDrivers([createFakeDriver(world)]),
      connectAgent,
      timings: { ...shortTimings, agentMs: 5000, reconnectMs: 5000 },
    },
    relay: (line, upstream, watch) => relayAgent(line, upstream, { allow: clientVerbs, ...watch }),
  });
  const made = await ask(served.socket, "POST", "/v1/vms", { name: "web", start: true });
  expect(made.lines.at(-1)).toEqual({ kind: "result", value: expect.objectContaining({ state: "running" }) });
  return { world, socket: served.socket, machines: served.machines };
}

/** Runs a command with `input` on its stdin; returns its stdout and how it ended. */
async function run(client: AgentClient, argv: string[], input = ""): Promise<{ output: string; exit: Json | null }> {
  const stream = await client.open("exec", { argv });
  let output = "";
  let exit: Json | null = null;
  stream.onData((_channel, data) => {
    output += Buffer.from(data).toString();
  });
  stream.onEvent((event) => {
    exit = event;
  });
  if (input !== "") await stream.write(0, new TextEncoder().encode(input));
  stream.eof(0);
  await stream.closed;
  return { output, exit };
}

test("a command's output and status come back, several at once over one connection", async () => {
  const { socket } = await withVm();
  const client = await enter(socket, "web");
  const [hello, number, back] = await Promise.all([
    run(client, ["echo", "hello"]),
    run(client, ["exit", "7"]),
    run(client, ["cat"], "what goes in"),
  ]);
  expect(hello).toEqual({ output: "hello\n", exit: { event: "exit", code: 0 } });
  expect(number.exit).toEqual({ event: "exit", code: 7 });
  expect(back.output).toBe("what goes in");
  client.destroy();
});

test("what a guest lacks, and what a client is not allowed to request, is refused with its code", async () => {
  const { socket } = await withVm();
  const client = await enter(socket, "web");
  await expect(client.open("exec", { argv: ["nope"] })).rejects.toMatchObject({ code: "COMMAND_NOT_FOUND" });
  for (const verb of ["identity", "poweroff", "grow", "services", "made-up"]) {
    await expect(client.open(verb, {})).rejects.toMatchObject({ code: "AGENT_REFUSED" });
  }
  expect((await client.open("stats", {})).reply).toMatchObject({ uptimeMs: 1000 });
  client.destroy();
});

test("a client that disconnects ends its own command and no other", async () => {
  const hungUp = new Deferred<void>();
  const { socket } = await withVm({
    agent: {
      commands: {
        wait: async (stream) => {
          stream.onClosing(() => hungUp.resolve());
          await hungUp.promise;
          return { code: 0 };
        },
      },
    },
  });
  const [going, staying] = await Promise.all([enter(socket, "web"), enter(socket, "web")]);
  await going.open("exec", { argv: ["wait"] });
  const other = run(staying, ["cat"], "still here");
  going.destroy();
  await hungUp.promise;
  expect((await other).output).toBe("still here");
  expect((await run(staying, ["echo", "yes"])).output).toBe("yes\n");
  staying.destroy();
});

test("sessions end with their VM, and the next start takes new ones", async () => {
  const { socket } = await withVm();
  const client = await enter(socket, "web");
  await ask(socket, "POST", "/v1/vms/web/stop", { graceMs: 1000 });
  await client.closed;
  await ask(socket, "POST", "/v1/vms/web/start", { wait: "agent" });
  const again = await enter(socket, "web");
  expect((await run(again, ["echo", "back"])).output).toBe("back\n");
  again.destroy();
});

test("a dropped connection to the agent is reopened for the next session", async () => {
  const { socket, world } = await withVm();
  world.alive[0]?.dropConnection();
  const client = await enter(socket, "web");
  expect((await run(client, ["echo", "again"])).output).toBe("again\n");
  client.destroy();
});

test("a daemon that takes over can talk to its predecessor's guests", async () => {
  const { world } = await withVm();
  const host = served?.host;
  await served?.close();
  if (!host) throw new Error("no host");
  served = await serve({
    host,
    deps: {
      drivers: combineDrivers([createFakeDriver(world)]),
      connectAgent,
      timings: { ...shortTimings, reconnectMs: 5000 },
    },
    relay: (line, upstream, watch) => relayAgent(line, upstream, { allow: clientVerbs, ...watch }),
  });
  expect(world.alive).toHaveLength(1);
  const client = await enter(served.socket, "web");
  expect((await run(client, ["echo", "adopted"])).output).toBe("adopted\n");
  client.destroy();
});

test("attached clients are notified when the VMM stops the VM and when it runs again", async () => {
  const { socket, world, machines } = await withVm();
  const client = await enter(socket, "web");
  const notices: Json[] = [];
  const both = new Deferred<void>();
  client.onNotice((notice) => notices.push(notice) === 2 && both.resolve());
  await machines.pause("web");
  await machines.resume("web");
  const paused = new Promise<void>((resolve) => {
    machines.subscribe(({ state }) => state === "paused" && resolve());
  });
  world.machine(machines.find("web").id).failWrites({ kind: "disk-full", reason: "No space left on device" });
  await paused;
  world.machine(machines.find("web").id).failWrites(null);
  await both.promise;
  expect(notices).toEqual([
    { notice: "vm", state: "paused", text: expect.stringMatching(/No space left on device.*; free some space there/) },
    { notice: "vm", state: "running", text: "the host's disk has room again" },
  ]);
  client.destroy();
});
