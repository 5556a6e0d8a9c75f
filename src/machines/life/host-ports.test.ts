/** Ports of the host that VMs may reach, over a host and guests in memory. */
import { expect, test } from "bun:test";
import type { ByteStream } from "../../base/bytes.ts";
import { startDaemon } from "../testing/daemon.ts";
import { request, running, services, setUp } from "../testing/saving.ts";

const at = (port: number) => `127.0.0.2:${port}`;

async function allowed(...ports: number[]) {
  const made = await setUp();
  const { vm } = await made.machines.create({ ...request("one"), allowHost: ports }, services, made.emit, made.signal);
  const guest = () => running(made.host, vm).guest;
  /** A session finds them. */
  const ready = async (machines = made.machines) => (await machines.session("one")).end();
  return { ...made, vm, guest, ready };
}

const turns = () => new Promise((resolve) => setImmediate(resolve));

test("a VM has a name for its host, and a listener for each port, before its first command", async () => {
  const { guest, ready, vm } = await allowed(5432, 6379);
  await ready();
  expect([...guest().agentListeners.keys()].sort()).toEqual([at(5432), at(6379)]);
  expect(guest().identities.at(-1)).toMatchObject({ hostAddress: "127.0.0.2" });
  expect(vm.spec.allowHost).toEqual([5432, 6379]);
});

test("a VM without them has neither", async () => {
  const { host, machines, run } = await setUp();
  const { guest } = running(host, await run("one"));
  (await machines.session("one")).end();
  expect([guest.agentListeners.size, guest.identities.at(-1)?.["hostAddress"]]).toEqual([0, undefined]);
});

test("a connection goes to that port of the host, and to no other, whatever the guest says", async () => {
  const { world, guest, ready } = await allowed(5432);
  await ready();
  const served: number[] = [];
  for (const port of [22, 5432]) world.hostServices.set(port, () => void served.push(port));
  guest().agentListeners.get(at(5432))?.({
    event: "connection",
    id: 7,
    address: "127.0.0.1",
    port: 22,
    host: "10.0.0.1",
  });
  await turns();
  expect([served, guest().accepted, guest().refused]).toEqual([[5432], [7], []]);
});

test("one that nobody serves on the host is closed in the guest", async () => {
  const { guest, ready } = await allowed(5432);
  await ready();
  guest().agentListeners.get(at(5432))?.({ event: "connection", id: 7 });
  await turns();
  expect([guest().accepted, guest().refused]).toEqual([[], [7]]);
});

test("no more than 64 connections at a time", async () => {
  const { world, guest, ready } = await allowed(5432);
  await ready();
  const open: ByteStream[] = [];
  world.hostServices.set(5432, (connection) => void open.push(connection));
  const tell = guest().agentListeners.get(at(5432));
  for (let id = 1; id <= 100; id++) tell?.({ event: "connection", id });
  await turns();
  expect([guest().accepted.length, guest().refused.length]).toEqual([64, 36]);
  open[0]?.destroy();
  await turns();
  tell?.({ event: "connection", id: 101 });
  await turns();
  expect(guest().accepted.at(-1)).toBe(101);
});

test("they end with the VMM, and are back when the VM is awake, or started, or the daemon is another one", async () => {
  const { host, machines, guest, ready, emit, signal } = await allowed(5432);
  await ready();
  const before = guest();
  await machines.suspend("one", emit, signal);
  expect(before.agentListeners.size).toBe(0);
  await ready();
  expect(guest().agentListeners.has(at(5432))).toBe(true);
  await machines.stop("one", {}, emit);
  await machines.start("one", services, emit, signal);
  await ready();
  expect(guest().agentListeners.has(at(5432))).toBe(true);
  machines.release();
  await turns();
  expect(guest().agentListeners.size).toBe(0);
  const next = await startDaemon(host);
  await ready(next);
  expect(guest().agentListeners.has(at(5432))).toBe(true);
});

test("a fork may reach what its parent may", async () => {
  const { host, machines, ready, emit, signal } = await allowed(5432);
  await ready();
  await machines.fork("one", { names: ["two"] }, emit, signal);
  (await machines.session("two")).end();
  expect(running(host, machines.find("two")).guest.agentListeners.has(at(5432))).toBe(true);
});

test("a guest that has the port itself does not hold up its sessions", async () => {
  const { host, machines, emit, signal } = await setUp();
  host.world.guest.cannotListen = true;
  await machines.create({ ...request("one"), allowHost: [5432] }, services, emit, signal);
  (await machines.session("one")).end();
});
