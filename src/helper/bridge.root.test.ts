/** What guests on the bridge reach and what reaches them, with the real tables in network namespaces that the test makes. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { VmId } from "../base/names.ts";
import { createExec } from "../host/process/exec-node.ts";
import { gate } from "../host/testing/gate.ts";
import { defaultBridge } from "../model/bridge.ts";
import {
  type Guest,
  hostAddress,
  makeNetwork,
  neighbour,
  outside,
  type TestNetwork,
  within,
} from "./testing/network.ts";
import { flood, manyFlows } from "./testing/python.ts";
import type { WantedTap } from "./wanted.ts";

/** each program in a namespace is started by ip(8), and the machine may be busy */
setDefaultTimeout(60_000);

const skip = gate("root") ?? gate("tool:ip") ?? gate("tool:nft") ?? gate("tool:python3");
const suite = skip === null ? describe : describe.skip;
const bridgeAddress = defaultBridge.address;
const exec = createExec({});

/** a refusal is said by ICMP, of which the kernel sends only some in each second: icmp(7), icmp_ratelimit */
const unanswered = ["none", "EHOSTUNREACH"];

const tap = (vm: string, host: number, isolated: boolean, deny: string[] = []): WantedTap => ({
  vm: vm as VmId,
  address: `172.16.0.${host}`,
  isolated,
  deny,
});

suite(`guests on the bridge${skip === null ? "" : ` (skipped: ${skip})`}`, () => {
  let net: TestNetwork;
  let alone: Guest;
  let second: Guest;
  let openA: Guest;
  let openB: Guest;
  let greedy: Guest;

  beforeAll(async () => {
    net = await makeNetwork("reach");
    await net.keeper.handle({ verb: "bridge.ensure", ...defaultBridge });
    await net.keeper.handle({ verb: "nat.ensure" });
    const taps = [
      tap("alone001", 2, true, ["10.0.0.0/8"]),
      tap("alone002", 3, true),
      tap("open0001", 4, false),
      tap("open0002", 5, false),
      tap("greedy01", 6, true),
    ];
    for (const one of taps) await net.keeper.handle({ verb: "tap.create", ...one });
    [alone, second, openA, openB, greedy] = (await Promise.all(taps.map((one) => net.plug(one)))) as [
      Guest,
      Guest,
      Guest,
      Guest,
      Guest,
    ];
  });

  afterAll(() => net?.remove());

  test("the internet, by the host's address", async () => {
    expect(await alone.ask("tcp", outside.internet)).toBe(hostAddress);
    expect(await alone.ask("udp", neighbour)).toBe(hostAddress);
  });

  test("not what its VM denies, and is told at once; another VM's list is its own", async () => {
    expect(await alone.ask("tcp", outside.lan)).toBe("EHOSTUNREACH");
    expect(await second.ask("tcp", outside.lan)).toBe(hostAddress);
  });

  test("no metadata service", async () => {
    for (const guest of [alone, openA])
      for (const address of [outside.link, outside.cloud])
        expect(unanswered).toContain(await guest.ask("tcp", address));
  });

  test("DNS on the bridge's address, and nothing else of the host", async () => {
    expect(await alone.ask("udp", bridgeAddress, 53)).toBe(alone.tap.address);
    const others = [
      second.ask("tcp", bridgeAddress, 8081),
      second.ask("udp", bridgeAddress, 8081),
      second.ask("tcp", hostAddress),
    ];
    for (const answer of await Promise.all(others)) expect(unanswered).toContain(answer);
  });

  test("a guest that floods the DNS is held back, and the others are not", async () => {
    const flooding = ["python3", "-c", flood, bridgeAddress, "53", "2000"];
    const answers = Number(Buffer.from((await exec(within(second.space, flooding))).stdout).toString());
    expect(answers).toBeGreaterThan(100);
    expect(answers).toBeLessThan(1000);
    expect(await alone.ask("udp", bridgeAddress, 53)).toBe(alone.tap.address);
  });

  test("a guest that opens more connections than its share gets no more, and the others and the next at its address do", async () => {
    const many = within(greedy.space, ["python3", "-c", manyFlows, neighbour, "8081"]);
    const answers = Number(Buffer.from((await exec(many)).stdout).toString());
    expect(answers).toBeGreaterThan(4000);
    expect(answers).toBeLessThan(4200);
    // each at once: ICMP errors would go to a guest once a second
    const refused = await Promise.all(Array.from({ length: 12 }, () => greedy.ask("tcp", outside.internet)));
    expect(new Set(refused)).toEqual(new Set(["ECONNREFUSED"]));
    expect(await second.ask("tcp", outside.internet)).toBe(hostAddress);
    // loading the tables for another VM forgives nothing
    await net.keeper.handle({ verb: "tap.create", ...tap("alone003", 7, true) });
    expect(await greedy.ask("tcp", outside.internet)).toBe("ECONNREFUSED");
    expect(await net.keeper.check()).toBe(false);
    await net.keeper.handle({ verb: "tap.delete", vm: greedy.tap.vm });
    await greedy.remove();
    const next = tap("alone004", 6, true);
    await net.keeper.handle({ verb: "tap.create", ...next });
    expect(await (await net.plug(next)).ask("tcp", outside.internet)).toBe(hostAddress);
  });

  // with it the host's table sees bridged frames too; a host without br_netfilter has the bridge's table alone
  test.each(["0", "1"])("other guests only where both are open (bridge-nf-call-iptables=%s)", async (value) => {
    await net.exec(["sysctl", "-qw", `net.bridge.bridge-nf-call-iptables=${value}`]);
    expect(await openA.ask("tcp", openB.tap.address)).toBe(openA.tap.address);
    const refused = [
      alone.ask("tcp", second.tap.address),
      alone.ask("tcp", openA.tap.address),
      openA.ask("tcp", alone.tap.address),
    ];
    for (const answer of await Promise.all(refused)) expect(unanswered).toContain(answer);
  });

  test("other guests not by way of the host either, with answers on the same way", async () => {
    const detour = (guest: Guest, to: Guest) =>
      net.exec(["ip", "-n", guest.space, "route", "replace", to.tap.address, "via", bridgeAddress]);
    const pairs = [
      [alone, second],
      [openA, alone],
    ] as const;
    const tries = pairs.map(async ([from, to]) => {
      await Promise.all([detour(from, to), detour(to, from)]);
      return from.ask("tcp", to.tap.address);
    });
    expect(await Promise.all(tries)).toEqual(["none", "none"]);
  });

  test("the host reaches every guest", async () => {
    for (const guest of [alone, openA])
      expect(await net.askFrom(net.space, "tcp", guest.tap.address)).toBe(bridgeAddress);
  });

  test("nothing from outside reaches a guest, or the bridge's address", async () => {
    const guests = [alone.tap.address, openA.tap.address];
    const askAll = (kind: "tcp" | "udp", addresses: string[], port = 8081) =>
      addresses.map((address) => net.askFrom(net.outsideSpace, kind, address, port));
    const asked = [...askAll("tcp", guests), ...askAll("udp", guests), ...askAll("tcp", [bridgeAddress])];
    expect(await Promise.all(asked)).toEqual(["none", "none", "none", "none", "none"]);
  });
});
