/** Ports of VMs on the host, over a host in memory. */
import { expect, test } from "bun:test";
import type { PortEvent } from "../../model/event.ts";
import type { Machines } from "../machines.ts";
import { startDaemon } from "../testing/daemon.ts";
import { request, running, saving, services, setUp } from "../testing/saving.ts";
import { assertTruth } from "../testing/truth.ts";

const web = { address: "127.0.0.1", hostPort: 8080, guestPort: 80 };

/** Resolves with the first event of this port that is as wanted. */
function portEvent(machines: Machines, guestPort: number, state: string): Promise<PortEvent> {
  return new Promise((resolve) => {
    machines.subscribePorts((event) => {
      if (event.port.guestPort === guestPort && event.port.state === state) resolve(event);
    });
  });
}

async function withPublished(name = "one") {
  const made = await setUp();
  const { machines, emit, signal } = made;
  const { vm } = await machines.create({ ...request(name), publish: [web] }, services, emit, signal);
  return { ...made, vm };
}

test("what begins to listen after the first session is forwarded and announced; what listened before is only forwarded", async () => {
  const { host, machines, run } = await setUp();
  const vm = await run("one");
  const { guest } = running(host, vm);
  guest.listen(22);
  const first = portEvent(machines, 22, "open");
  const { end } = await machines.session("one");
  expect((await first).isAnnounced).toBe(false);
  const second = portEvent(machines, 3000, "open");
  guest.listen(22, 3000);
  const { loopbackAddress: address } = vm;
  expect(await second).toMatchObject({ name: "one", isAnnounced: true, port: { address, hostPort: 3000 } });
  expect(machines.ports("one").map(({ guestPort, isService }) => [guestPort, isService])).toEqual([
    [22, true],
    [3000, false],
  ]);
  expect([...host.world.ports]).toEqual([`${address}:22`, `${address}:3000`]);
  end();
  await machines.kill("one");
  expect([host.world.ports.size, machines.ports("one")]).toEqual([0, []]);
});

test("without a session the guest's listeners are forwarded too", async () => {
  const { host, machines, run } = await setUp();
  const vm = await run("one");
  const open = portEvent(machines, 80, "open");
  running(host, vm).guest.listen(80);
  expect((await open).isAnnounced).toBe(false);
});

test("a published port is open while the VM runs, over stop and start", async () => {
  const { world, machines, emit, signal } = await withPublished();
  expect([...world.ports]).toEqual(["127.0.0.1:8080"]);
  expect(machines.ports("one")).toMatchObject([{ ...web, kind: "published", state: "open" }]);
  await machines.stop("one", {}, emit);
  expect([...world.ports]).toEqual([]);
  expect(machines.ports("one")).toMatchObject([{ ...web, state: "closed", problem: null }]);
  await machines.start("one", services, emit, signal);
  expect([...world.ports]).toEqual(["127.0.0.1:8080"]);
});

test("one that is taken keeps a new VM from being made, and a stopped one from starting", async () => {
  const { host, world, machines, emit, signal } = await setUp();
  world.ports.add("0.0.0.0:8080");
  const create = () => machines.create({ ...request("one"), publish: [web] }, services, emit, signal);
  const before = world.vmms.size;
  await expect(create()).rejects.toMatchObject({
    code: "PORT_UNAVAILABLE",
    message: expect.stringContaining("port 8080 of 127.0.0.1 is taken by another program of this host"),
  });
  expect([machines.all(), world.living(), world.vmms.size - before]).toEqual([[], [], 0]);
  assertTruth(host, "refused");
  world.ports.clear();
  await create();
  await machines.stop("one", {}, emit);
  world.ports.add("127.0.0.1:8080");
  await expect(machines.start("one", services, emit, signal)).rejects.toMatchObject({ code: "PORT_UNAVAILABLE" });
  expect(machines.find("one").state).toBe("stopped");
  world.ports.clear();
  await machines.start("one", services, emit, signal);
  assertTruth(host, "started");
});

test("two VMs can't publish the same port", async () => {
  const { machines, emit, signal } = await withPublished();
  const second = machines.create({ ...request("two"), publish: [web] }, services, emit, signal);
  await expect(second).rejects.toMatchObject({ code: "PORT_UNAVAILABLE" });
  expect(machines.all().map(({ name }) => name as string)).toEqual(["one"]);
});

test("suspended its ports are closed, awake they are back", async () => {
  const { host, world, machines, emit, signal, vm } = await withPublished();
  running(host, vm).guest.listen(3000);
  (await machines.session("one")).end();
  await machines.suspend("one", emit, signal);
  expect([...world.ports]).toEqual([]);
  const back = portEvent(machines, 3000, "open");
  (await machines.session("one")).end();
  running(host, vm).guest.listen(3000);
  expect((await back).port.address).toBe(vm.loopbackAddress);
  expect([...world.ports]).toContain("127.0.0.1:8080");
});

test("the next daemon forwards and publishes again; a published port that is taken then is said", async () => {
  const { host, world, machines, vm } = await withPublished();
  running(host, vm).guest.listen(3000);
  machines.release();
  expect([...world.ports]).toEqual([]);
  const next = await startDaemon(host);
  const back = portEvent(next, 3000, "open");
  expect((await back).isAnnounced).toBe(false);
  expect([...world.ports].sort()).toEqual(["127.0.0.1:8080", `${vm.loopbackAddress}:3000`].sort());
  next.release();
  const listen = async (address: string, port: number) => {
    if (port === 8080) throw Object.assign(new Error("taken"), { code: "EADDRINUSE" });
    return world.listen(address, port);
  };
  const last = await startDaemon(host, undefined, { listen });
  const { promise: taken, resolve } = Promise.withResolvers<void>();
  last.subscribePorts(({ port }) => void (port.state === "taken" && resolve()));
  if (last.ports("one").some(({ state }) => state === "taken")) resolve();
  await taken;
  expect([last.find("one").state, last.ports("one")[0]?.state]).toEqual(["running", "taken"]);
});

test("without automatic forwards only published ports are open", async () => {
  const { world, machines, emit, signal, host } = await setUp();
  const { vm } = await machines.create({ ...request("one"), publish: [web], forward: false }, services, emit, signal);
  running(host, vm).guest.listen(80, 3000);
  (await machines.session("one")).end();
  await new Promise((resolve) => setImmediate(resolve));
  expect([...world.ports]).toEqual(["127.0.0.1:8080"]);
});

test("a fork has none of its parent's published ports", async () => {
  const { machines, emit, signal, vm } = await withPublished();
  const [child] = await machines.fork("one", { names: ["left"] }, emit, signal);
  expect(machines.find("left").spec.publish).toBeUndefined();
  expect(machines.find("one").spec.publish).toEqual([web]);
  expect(child?.loopbackAddress).not.toBe(vm.loopbackAddress);
});

test("a connection keeps its VM from being suspended", async () => {
  const host = saving();
  const clients: ((client: never) => void)[] = [];
  const { machines, world, emit, signal } = await setUp(host, {
    listen: async (_address, _port, onConnection) => {
      clients.push(onConnection);
      return { close: () => {} };
    },
  });
  await machines.create({ ...request("one"), publish: [web] }, services, emit, signal);
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const client = {
    onClose: (listener: () => void) => void closed.then(listener),
    ...{ onData: () => {}, onEnd: () => {}, write: () => true, end: () => {}, reset: () => {} },
  };
  clients[0]?.(client as never);
  world.idleLimit = 2;
  const suspended = new Promise<string>((resolve) => {
    machines.subscribe(({ name, state }) => void (state === "suspended" && resolve(name)));
  });
  await machines.create(request("two"), services, emit, signal);
  expect(await suspended).toBe("two");
  const also = new Promise<string>((resolve) => {
    machines.subscribe(({ name, state }) => void (state === "suspended" && resolve(name)));
  });
  close();
  expect(await also).toBe("one");
});
