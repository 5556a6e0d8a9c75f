/** A QEMU that was taken over, played by the test: its floods and its silence cost the daemon almost nothing. */
import { afterAll, afterEach, expect, test } from "bun:test";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import net from "node:net";
import { connectUnix } from "../../host/net/socket.ts";
import { isAlive, processRef, signalProcess } from "../../host/process/children.ts";
import { waitForExit } from "../../host/process/end.ts";
import type { ProcessRef } from "../../model/vm.ts";
import { connectQmp } from "../../wire/qmp/client.ts";
import { makeTempFolder } from "../testing/temp.ts";
import { createQemuDriver } from "./driver.ts";
import { qemuFiles } from "./paths.ts";
import { RunningQemu } from "./running.ts";

const folders = makeTempFolder("qmp");
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});
afterAll(() => folders.remove());
let count = 0;

type Command = { execute: string; id: number };
type Peer = {
  connection: net.Socket;
  commands: Command[];
  send(value: object): void;
  nextCommand(name: string): Promise<Command>;
};

const greeting = { QMP: { version: { qemu: { major: 7, minor: 2, micro: 0 } }, capabilities: [] } };

/** Sends the greeting, leaves capabilities mode, and answers nothing else. */
function play(connection: net.Socket): Peer {
  const commands: Command[] = [];
  const waiting: { name: string; resolve: (command: Command) => void }[] = [];
  const send = (value: object) => void connection.write(`${JSON.stringify(value)}\n`);
  let text = "";
  connection.on("error", () => {});
  connection.on("data", (chunk) => {
    text += String(chunk);
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const command = JSON.parse(text.slice(0, end)) as Command;
      text = text.slice(end + 1);
      if (command.execute === "qmp_capabilities") send({ return: {}, id: command.id });
      else commands.push(command);
      for (const one of waiting.splice(0)) one.name === command.execute ? one.resolve(command) : waiting.push(one);
    }
  });
  send(greeting);
  return {
    connection,
    commands,
    send,
    nextCommand: (name) => new Promise((resolve) => waiting.push({ name, resolve })),
  };
}

/** A process in place of QEMU's, and its socket. */
async function hostile() {
  const directory = await folders.make(String(count++));
  const child = Bun.spawn(["sleep", "600"]);
  const process = processRef(child.pid) as ProcessRef;
  const connected = Promise.withResolvers<Peer>();
  const server = net.createServer((connection) => connected.resolve(play(connection)));
  server.listen(qemuFiles(directory).qmp);
  await once(server, "listening");
  cleanups.push(
    () => server.close(),
    () => signalProcess(process, "SIGKILL"),
  );
  const record = { driver: "qemu" as const, version: "7.2.0", accel: "kvm" as const, process, directory };
  return { record, peer: connected.promise };
}

async function running() {
  const { record, peer } = await hostile();
  const qmp = await connectQmp(await connectUnix(qemuFiles(record.directory).qmp));
  const hostFacts = () => Promise.reject(new Error("not asked for"));
  const vm = new RunningQemu({ record, qmp, exited: null, agentUsed: false, stopped: null, hostFacts });
  cleanups.push(() => vm.release());
  return { record, vm, qmp, peer: await peer };
}

test("however often it reports a stop, there is one query for the reason at a time", async () => {
  const { qmp, peer } = await running();
  const first = peer.nextCommand("query-status");
  peer.connection.write('{"event":"STOP"}\n'.repeat(5000));
  const { id } = await first;
  // its answer is behind all of these
  const second = peer.nextCommand("query-status");
  peer.send({ return: { status: "running" }, id });
  const again = await second;
  const last = peer.nextCommand("query-version");
  peer.send({ return: { status: "running" }, id: again.id });
  const asked = qmp.execute("query-version");
  peer.send({ return: {}, id: (await last).id });
  await asked;
  expect(peer.commands.map(({ execute }) => execute)).toEqual(["query-status", "query-status", "query-version"]);
});

test.each([
  [
    "internal-error",
    { kind: "vmm-died", reason: "QEMU can't run the guest any further: KVM internal error. Suberror: 1" },
  ],
  ["guest-panicked", { kind: "panic", reason: "the guest's kernel panicked" }],
] as const)("a guest that its VMM can't run any further (%s) has ended", async (status, exit) => {
  const { record, vm, peer } = await running();
  writeFileSync(qemuFiles(record.directory).vmmLog, "KVM internal error. Suberror: 1\nEAX=00000000\n");
  const asked = peer.nextCommand("query-status");
  peer.send({ event: "STOP" });
  peer.send({ return: { status }, id: (await asked).id });
  await waitForExit(record.process);
  // as a process does that ends
  peer.connection.destroy();
  expect(await vm.wait()).toEqual(exit);
  expect(vm.stopped()).toBeNull();
});

test("one that had come so far before this daemon began has ended too", async () => {
  const { record, peer } = await hostile();
  const adopted = createQemuDriver({} as never).adopt(record);
  const played = await peer;
  const { id } = await played.nextCommand("query-status");
  played.send({ return: { status: "internal-error" }, id });
  const vm = await adopted;
  await waitForExit(record.process);
  played.connection.destroy();
  expect(await vm?.wait()).toEqual({ kind: "vmm-died", reason: "QEMU can't run the guest any further" });
});

test("an answer from before the guest was resumed does not count as a stop", async () => {
  const { vm, qmp, peer } = await running();
  const stops: unknown[] = [];
  vm.onStopped((stop) => void stops.push(stop));
  const first = peer.nextCommand("query-status");
  peer.send({ event: "STOP" });
  const { id } = await first;
  const last = peer.nextCommand("query-version");
  peer.connection.write(`${JSON.stringify({ return: { status: "internal-error" }, id })}\n{"event":"RESUME"}\n`);
  const asked = qmp.execute("query-version");
  peer.send({ return: {}, id: (await last).id });
  await asked;
  expect([vm.stopped(), stops]).toEqual([null, []]);
});

test("troubles are reported, also those from before there was a listener", async () => {
  const { vm, qmp, peer } = await running();
  const heard: unknown[] = [];
  const early = qmp.event("NETDEV_STREAM_DISCONNECTED", () => true);
  peer.send({ event: "NETDEV_STREAM_DISCONNECTED", data: { "netdev-id": "net" } });
  await early;
  vm.onTrouble(({ kind }) => void heard.push(kind));
  peer.send({ event: "RTC_CHANGE", data: { offset: 3 } });
  peer.send({
    event: "BLOCK_IO_ERROR",
    data: { action: "stop", operation: "write", reason: "No space left on device" },
  });
  const late = qmp.event("MEMORY_FAILURE", () => true);
  peer.send({ event: "MEMORY_FAILURE", data: { recipient: "guest", action: "inject" } });
  await late;
  expect(heard).toEqual(["network-lost", "memory-failure"]);
});

test("a flood ends the monitor, not the VM, which then reports VMM_UNREACHABLE and can only be killed", async () => {
  const { record, vm, qmp, peer } = await running();
  peer.connection.write('{"event":"STOP"}\n'.repeat(100_000));
  await qmp.closed;
  await expect(vm.pause()).rejects.toMatchObject({
    code: "VMM_UNREACHABLE",
    details: { pid: record.process.pid, reason: "its monitor sent more than 10000 events in a second" },
  });
  expect(isAlive(record.process)).toBe(true);
  await vm.kill();
  expect(isAlive(record.process)).toBe(false);
  expect(await vm.wait()).toEqual({ kind: "killed" });
});

test("a QEMU that refuses to report its state is not adopted, and its monitor is free for the next attempt", async () => {
  const { record, peer } = await hostile();
  const driver = createQemuDriver({} as never);
  const adopting = driver.adopt(record);
  const { connection, send, nextCommand } = await peer;
  const closed = once(connection, "close");
  const { id } = await nextCommand("query-status");
  send({ error: { class: "GenericError", desc: "Not now" }, id });
  await expect(adopting).rejects.toMatchObject({ code: "VMM_UNREACHABLE", details: { reason: "Not now" } });
  await closed;
});

test("a QEMU that sends nothing at all can be ended by its record", async () => {
  const { record, peer } = await hostile();
  const driver = createQemuDriver({} as never);
  const adopting = driver.adopt(record).catch((error: unknown) => error);
  await (await peer).nextCommand("query-status");
  await driver.end(record);
  expect(isAlive(record.process)).toBe(false);
  await driver.end(record);
  (await peer).connection.destroy();
  expect(await adopting).toBeNull();
});
