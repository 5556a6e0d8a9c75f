import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import { memoryLogger } from "../../host/testing/log.ts";
import type { DnsOptions } from "./server.ts";
import { createUserDns, portsToTry } from "./user-dns.ts";

const none = { addressOf: () => null, nameOf: () => null };

/** @param problems by port: what a start there fails with */
function userDns(problems: (port: number) => unknown) {
  const events: string[] = [];
  const log = memoryLogger();
  const start = async ({ network, port = 53 }: DnsOptions) => {
    events.push(`start ${network.address} ${port}`);
    const problem = problems(port);
    if (typeof problem === "string") throw fail("DNS_UNAVAILABLE", { address: network.address, port, reason: problem });
    if (problem !== undefined) throw problem;
    return { port, close: () => void events.push(`close ${port}`) };
  };
  return { dns: createUserDns({ start, names: none, log }), events, log };
}

test("it is served at the port of the config, on loopback alone, until it is closed", async () => {
  const { dns, events, log } = userDns(() => undefined);
  await dns.begin(async () => 42_069);
  expect(await dns.state()).toEqual({ asked: 42_069, port: 42_069, problem: null });
  dns.close();
  expect(events).toEqual(["start 127.0.0.1 42069", "close 42069"]);
  expect(log.lines.join()).toContain("names of VMs are answered");
});

test("a port that is taken is passed over, sixteen at most are tried", async () => {
  const third = userDns((port) => (port < 5002 ? "EADDRINUSE" : undefined));
  await third.dns.begin(async () => 5000);
  expect(await third.dns.state()).toEqual({ asked: 5000, port: 5002, problem: null });
  const all = userDns(() => "EADDRINUSE");
  await all.dns.begin(async () => 5000);
  expect(await all.dns.state()).toEqual({ asked: 5000, port: null, problem: "ports 5000 to 5015 are taken" });
  expect(all.events).toHaveLength(16);
  expect(all.log.lines.map((line) => JSON.parse(line).level)).toEqual(["warn"]);
});

test.each([
  ["EACCES", "port 5000 is for root alone"],
  ["ENOBUFS", "port 5000: ENOBUFS"],
])("another failure, %s, ends it: no other port is tried, and nothing is thrown", async (problem, why) => {
  const { dns, events } = userDns(() => problem);
  await dns.begin(async () => 5000);
  expect(await dns.state()).toEqual({ asked: 5000, port: null, problem: why });
  expect(events).toHaveLength(1);
});

test("port 0 starts nothing, and a config that can't be read is a problem", async () => {
  const off = userDns(() => undefined);
  await off.dns.begin(async () => 0);
  expect(await off.dns.state()).toEqual({ asked: 0, port: null, problem: null });
  expect([off.events, off.log.lines]).toEqual([[], []]);
  await off.dns.begin(() => Promise.reject(new Error("unreadable")));
  expect(off.log.lines.join()).toContain("unreadable");
});

test("what is no failure of a port ends it too", async () => {
  const { dns } = userDns(() => new Error("no memory"));
  await dns.begin(async () => 5000);
  expect(await dns.state()).toEqual({ asked: 5000, port: null, problem: "no memory" });
});

test("who asks for its state before it has begun waits", async () => {
  const { dns } = userDns(() => undefined);
  const state = dns.state();
  await dns.begin(async () => 5000);
  expect(await state).toMatchObject({ port: 5000 });
});

test("one that is closed while it starts is closed then", async () => {
  const { dns, events } = userDns(() => undefined);
  const begun = dns.begin(async () => 5000);
  dns.close();
  await begun;
  expect(events).toEqual(["start 127.0.0.1 5000", "close 5000"]);
});

test("no port is larger than the largest", () => {
  expect(portsToTry(65_534)).toEqual([65_534, 65_535]);
  expect(portsToTry(0)).toEqual([]);
  expect(portsToTry(1)).toHaveLength(16);
});
