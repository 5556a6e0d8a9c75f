import { expect, test } from "bun:test";
import { memoryPair } from "../../../host/testing/memory-pair.ts";
import { connectAgent } from "../client.ts";
import type { AgentStream, Json } from "../types.ts";
import { type FakeAgentOptions, fakeAgent } from "./fake.ts";

async function session(options: FakeAgentOptions = {}) {
  const [connection, guest] = memoryPair();
  fakeAgent(guest, options);
  return connectAgent(connection, { resync: true, timeoutMs: 1000 });
}

async function run(stream: AgentStream, input = ""): Promise<{ output: string; events: Json[] }> {
  const events: Json[] = [];
  let output = "";
  stream.onData((channel, data) => {
    output += `${channel}:${Buffer.from(data)}`;
  });
  stream.onEvent((event) => void events.push(event));
  if (input) await stream.write(0, Buffer.from(input));
  stream.eof(0);
  await stream.closed;
  return { output, events };
}

test("programs of the fake guest", async () => {
  const agent = await session();
  const exec = async (argv: string[], input = "") => run(await agent.open("exec", { argv }), input);
  expect(await exec(["true"])).toEqual({ output: "", events: [{ event: "exit", code: 0 }] });
  expect(await exec(["exit", "7"])).toMatchObject({ events: [{ code: 7 }] });
  expect(await exec(["echo", "a", "b"])).toMatchObject({ output: "1:a b\n" });
  expect(await exec(["cat"], "through")).toMatchObject({ output: "1:through", events: [{ code: 0 }] });
  await expect(exec(["frobnicate"])).rejects.toMatchObject({ code: "COMMAND_NOT_FOUND" });
});

test("signals and closing the stream end a command", async () => {
  const agent = await session();
  const sleeping = await agent.open("exec", { argv: ["sleep"] });
  sleeping.event({ event: "signal", signal: "INT" });
  expect(await run(sleeping)).toMatchObject({ events: [{ signal: "INT", number: 2 }] });
  const closed = await agent.open("exec", { argv: ["sleep"] });
  closed.close();
  await closed.closed;
});

test("commands and verbs by the test; a tar that was put is passed complete", async () => {
  const tars: string[] = [];
  const agent = await session({
    hello: { phase: "up", init: "none" },
    commands: { make: async () => ({ code: 2 }) },
    verbs: { stats: (served) => served.refuse("busy", "not now") },
    onPut: (request, tar) => void tars.push(`${request["path"]} ${Buffer.from(tar)}`),
  });
  expect(agent.hello).toMatchObject({ phase: "up", init: "none" });
  expect(await run(await agent.open("exec", { argv: ["make"] }))).toMatchObject({ events: [{ code: 2 }] });
  await expect(agent.open("stats", {})).rejects.toMatchObject({ details: { code: "busy" } });
  expect(await run(await agent.open("put", { path: "/root/repo" }), "tar")).toMatchObject({
    events: [{ event: "done" }],
  });
  expect(tars).toEqual(["/root/repo tar"]);
  await expect(agent.open("dial", {})).rejects.toMatchObject({ details: { code: "unsupported" } });
});

test("identity changes the phase to up; poweroff is announced first", async () => {
  const happened: unknown[] = [];
  const agent = await session({ onPower: (mode) => void happened.push(mode) });
  agent.onNotice((notice) => void happened.push(notice));
  await agent.open("identity", { generation: 1 });
  expect((await agent.open("services", {})).reply).toMatchObject({ state: "running" });
  await agent.open("poweroff", { mode: "reboot" });
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(happened).toEqual([{ notice: "up" }, { notice: "power", intent: "reboot" }, "reboot"]);
});
