import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import { memoryLogger } from "../../host/testing/log.ts";
import { defaultBridge } from "../../model/bridge.ts";
import { createBridgeDns } from "./bridge-dns.ts";

const none = { addressOf: () => null, nameOf: () => null };

function keeper(failures: string[]) {
  const log = memoryLogger();
  const events: string[] = [];
  const timers: { ms: number; run: () => void }[] = [];
  const dns = createBridgeDns({
    names: none,
    log,
    after(ms, run) {
      const timer = { ms, run };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
    async start({ network: { address } }) {
      events.push(`start ${address}`);
      const reason = failures.shift();
      if (reason !== undefined) throw fail("DNS_UNAVAILABLE", { address, port: 53, reason });
      return { port: 53, close: () => void events.push("close") };
    },
  });
  const settle = () => new Promise(setImmediate);
  const fire = async () => {
    const timer = timers.shift();
    timer?.run();
    await settle();
    return timer?.ms;
  };
  return { dns, log, events, timers, settle, fire };
}

test("it is started once, however often the bridge is there", async () => {
  const { dns, events, settle } = keeper([]);
  void dns.ensure(defaultBridge);
  void dns.ensure(defaultBridge);
  await settle();
  void dns.ensure(defaultBridge);
  await settle();
  dns.close();
  expect(events).toEqual(["start 172.16.0.1", "close"]);
});

test("a failure is tried again, later each time, and logged when it is another one", async () => {
  const { dns, log, events, timers, settle, fire } = keeper([...Array(8).fill("EADDRINUSE"), "EADDRNOTAVAIL"]);
  void dns.ensure(defaultBridge);
  await settle();
  const pauses = [];
  while (timers.length > 0) pauses.push(await fire());
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  expect(events).toHaveLength(10);
  expect(log.lines.map((line) => JSON.parse(line).level)).toEqual(["warn", "warn", "info"]);
  expect(log.lines[0]).toContain("sport = :53");
});

test("a bridge that is made meanwhile does not wait for the next attempt", async () => {
  const { dns, events, timers, settle } = keeper(["EADDRNOTAVAIL"]);
  void dns.ensure(defaultBridge);
  await settle();
  void dns.ensure(defaultBridge);
  await settle();
  expect([events.length, timers.length]).toEqual([2, 0]);
});

test("closing ends a server that is just being started, and the attempts", async () => {
  const starting = keeper([]);
  void starting.dns.ensure(defaultBridge);
  starting.dns.close();
  await starting.settle();
  expect(starting.events).toEqual(["start 172.16.0.1", "close"]);
  const failing = keeper(["EADDRINUSE"]);
  void failing.dns.ensure(defaultBridge);
  failing.dns.close();
  await failing.settle();
  expect(failing.timers).toEqual([]);
  void failing.dns.ensure(defaultBridge);
  await failing.settle();
  expect(failing.events).toHaveLength(1);
});
