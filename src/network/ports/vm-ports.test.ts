import { expect, test } from "bun:test";
import type { ByteStream } from "../../base/bytes.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { FakeTimers } from "../../machines/testing/timers.ts";
import { maxForwarded, type PublishedPort } from "../../model/ports.ts";
import { lingerMs } from "./plan.ts";
import { maxConnections, retryMs, settleMs, VmPorts } from "./vm-ports.ts";

const address = "127.12.0.4";

/** A host, a guest and a clock. */
function world(published: PublishedPort[] = []) {
  const timers = new FakeTimers();
  const clock = { now: 0 };
  const taken = new Set<string>();
  const open = new Map<string, (client: ByteStream) => void>();
  const said: string[] = [];
  const dialled: string[] = [];
  const counts = { listens: 0, used: 0 };
  const ports = new VmPorts(
    { address, published },
    {
      listen: async (at, port, onConnection) => {
        counts.listens += 1;
        const name = `${at}:${port}`;
        if (taken.has(name)) throw Object.assign(new Error(name), { code: "EADDRINUSE" });
        open.set(name, onConnection);
        return { close: () => void open.delete(name) };
      },
      dial: async (target, port) => {
        dialled.push(`${target} ${port}`);
        throw new Error("refused");
      },
      use: () => {
        counts.used += 1;
        return { end: () => void counts.used-- };
      },
      after: timers.after,
      now: () => clock.now,
      changed: ({ guestPort, address: at, hostPort, state }, isAnnounced) =>
        void said.push(`${guestPort} ${at}:${hostPort} ${state}${isAnnounced ? " announced" : ""}`),
    },
  );
  /** As the agent reports. */
  const listens = (...all: number[]) => new Map(all.map((port) => [port, ["127.0.0.1"]]));
  const settle = async () => {
    await timers.fire(settleMs);
    await turns();
  };
  return { ports, timers, clock, taken, open, said, dialled, counts, listens, settle };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

test("what begins to listen is open at once, and closed once it has stopped for a while", async () => {
  const { ports, open, said, listens, settle, timers, clock } = world();
  ports.begin(listens(22));
  await settle();
  ports.update(listens(22, 3000));
  await turns();
  expect([...open.keys()]).toEqual([`${address}:22`, `${address}:3000`]);
  await settle();
  clock.now = 10 * lingerMs;
  ports.update(listens(22));
  await settle();
  expect(open.size).toBe(2);
  clock.now += lingerMs;
  await timers.fire(lingerMs);
  expect([...open.keys()]).toEqual([`${address}:22`]);
  expect(said).toEqual([`22 ${address}:22 open`, `3000 ${address}:3000 open announced`, `3000 ${address}:3000 closed`]);
});

test("a port that flaps as fast as a guest can costs one listener", async () => {
  const { ports, counts, listens, clock, timers, said } = world();
  ports.begin(listens());
  for (let at = 0; at < 500; at++) {
    ports.update(at % 2 === 0 ? listens(3000) : listens());
    await turns();
    if (at % 7 !== 6) continue;
    clock.now += settleMs;
    await timers.fire(settleMs);
  }
  expect([counts.listens, said.length]).toEqual([1, 1]);
});

test("10,000 listeners are no more than the limit", async () => {
  const { ports, counts, open, listens, said, settle } = world();
  ports.begin(new Map());
  await settle();
  ports.update(listens(...Array.from({ length: 10_000 }, (_, at) => at + 1)));
  await turns();
  expect([counts.listens, open.size, ports.left]).toEqual([maxForwarded, maxForwarded, 10_000 - maxForwarded]);
  expect(said.filter((line) => line.endsWith("announced")).length).toBe(maxForwarded);
});

test("a port that is taken is said, and tried again", async () => {
  const { ports, taken, said, listens, timers, settle } = world();
  taken.add(`${address}:3000`);
  ports.begin(new Map());
  await settle();
  ports.update(listens(3000));
  await turns();
  expect(ports.views()).toMatchObject([
    { guestPort: 3000, state: "taken", problem: `port 3000 of ${address} is taken by another program of this host` },
  ]);
  taken.clear();
  await timers.fire(retryMs);
  await turns();
  expect(ports.views()).toMatchObject([{ state: "open", problem: null }]);
  expect(said).toEqual([`3000 ${address}:3000 taken announced`, `3000 ${address}:3000 open`]);
});

test("published ports are open before anything listens, and announced in place of the VM's own", async () => {
  const { ports, open, said, listens, settle } = world([{ address: "127.0.0.1", hostPort: 8080, guestPort: 3000 }]);
  expect(await ports.publish()).toMatchObject([{ guestPort: 3000, kind: "published", state: "open" }]);
  ports.begin(new Map());
  await settle();
  ports.update(listens(3000));
  await turns();
  expect([...open.keys()]).toEqual(["127.0.0.1:8080", `${address}:3000`]);
  expect(said).toEqual(["3000 127.0.0.1:8080 open", `3000 ${address}:3000 open`, "3000 127.0.0.1:8080 open announced"]);
  expect(ports.views().map(({ kind }) => kind)).toEqual(["published", "automatic"]);
});

test("published at the VM's own address and port, it is the only forward", async () => {
  const { ports, counts, listens } = world([{ address, hostPort: 3000, guestPort: 8000 }]);
  await ports.publish();
  ports.begin(listens(3000));
  await turns();
  expect(counts.listens).toBe(1);
});

test("a connection uses the VM and is dialled where the guest listens; one that the guest refuses is over", async () => {
  const { ports, open, counts, dialled } = world();
  ports.begin(new Map([[3000, ["::1", "172.17.0.1"]]]));
  await turns();
  const [client, host] = memoryPair();
  const closed = Promise.withResolvers<void>();
  client.onData(() => {});
  client.onEnd(() => closed.resolve());
  open.get(`${address}:3000`)?.(host);
  expect(counts.used).toBe(1);
  await closed.promise;
  await turns();
  expect([dialled, counts.used]).toEqual([["::1 3000", "172.17.0.1 3000"], 0]);
});

test("connections of a VM are limited", async () => {
  const { ports, open, counts, listens } = world();
  ports.begin(listens(3000));
  await turns();
  const take = open.get(`${address}:3000`);
  for (let at = 0; at < maxConnections + 10; at++) {
    const [, host] = memoryPair();
    take?.({ ...host, onClose: () => {} });
  }
  expect(counts.used).toBe(maxConnections);
});

test("closed, nothing is open and no timer brings anything back", async () => {
  const { ports, open, listens, said, taken } = world([{ address: "0.0.0.0", hostPort: 1, guestPort: 1 }]);
  taken.add(`${address}:5`);
  await ports.publish();
  ports.begin(listens(3000, 5));
  await turns();
  ports.close();
  ports.update(listens(4000));
  await turns();
  expect(open.size).toBe(0);
  expect(said.slice(3)).toEqual(["1 0.0.0.0:1 closed", `5 ${address}:5 closed`, `3000 ${address}:3000 closed`]);
});
