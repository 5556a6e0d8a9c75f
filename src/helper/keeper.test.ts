import { describe, expect, test } from "bun:test";
import { defaultBridge, macOf } from "../model/bridge.ts";
import { encodeFrame } from "../wire/helper/frames.ts";
import { resolverPlan } from "./resolver.ts";
import { rulesetOf } from "./ruleset.ts";
import { rulesetText } from "./ruleset-text.ts";
import { fakeHost } from "./testing/fake-host.ts";
import { tapA, tapB, vmA, wantedTwo } from "./testing/wanted.ts";
import { nothingWanted, type Wanted } from "./wanted.ts";

const load = (wanted: Wanted, unused: string[] = []) => `nft -f - <<${rulesetText(rulesetOf(wanted), unused)}`;
const batch = (...lines: string[]) => `ip -batch - <<${lines.map((line) => `${line}\n`).join("")}`;
const bridgeOnly: Wanted = { ...nothingWanted, bridge: defaultBridge };
const withNat: Wanted = { ...bridgeOnly, nat: true };
const ensureBridge = { verb: "bridge.ensure", ...defaultBridge } as const;
const createTap = (tap: typeof tapA) => ({ verb: "tap.create", ...tap }) as const;

const tapC: typeof tapA = { ...tapA, vm: "cccc3333" as typeof vmA, address: "172.16.0.4" };

/** A host with the bridge, nat and both VMs, as made by the verbs. */
async function servedHost(answers: Parameters<typeof fakeHost>[0] = {}) {
  const host = fakeHost(answers);
  host.is(wantedTwo);
  await host.keeper.handle(ensureBridge);
  await host.keeper.handle({ verb: "nat.ensure" });
  for (const tap of [tapA, tapB]) await host.keeper.handle(createTap(tap));
  host.changes();
  return host;
}

describe("bridge.ensure", () => {
  const make = [
    load(bridgeOnly),
    batch(
      `link add name br-banger address ${macOf("br-banger")} type bridge mcast_snooping 0`,
      "link set dev br-banger addrgenmode none",
      "address add 172.16.0.1/24 dev br-banger",
      "link set dev br-banger up",
    ),
    "ip link add name banger-carrier type dummy",
  ];
  const carrier = batch(
    "link set dev banger-carrier addrgenmode none",
    "link set dev banger-carrier master br-banger",
    "link set dev banger-carrier up",
  );

  test("makes tables, bridge and carrier; the second time it changes nothing but the tables", async () => {
    const host = fakeHost();
    await host.keeper.handle(ensureBridge);
    expect(host.changes()).toEqual([...make, carrier]);
    host.is(bridgeOnly);
    await host.keeper.handle(ensureBridge);
    expect(host.changes()).toEqual([load(bridgeOnly)]);
  });

  test("a kernel without dummy interfaces has another kind", async () => {
    const host = fakeHost({
      "ip link add name banger-carrier type dummy": { exitCode: 2, stderr: "Unknown device type" },
      "ip link add name banger-carrier type ifb": {},
    });
    await host.keeper.handle(ensureBridge);
    expect(host.changes()).toEqual([...make, "ip link add name banger-carrier type ifb", carrier]);
  });

  test("a clash with a route is refused, with a network that is free", async () => {
    const host = fakeHost();
    host.state.routes = JSON.stringify([{ dst: "172.16.0.0/16", dev: "eth0" }]);
    const refused = host.keeper.handle(ensureBridge);
    await expect(refused).rejects.toMatchObject({ kind: "clash", free: "172.24.0.1/24" });
    await expect(refused).rejects.toThrow("172.16.0.1/24 is in use: the host reaches 172.16.0.0/16 by eth0");
    expect(host.changes()).toEqual([]);
  });

  test("a network that the bridge has is kept, whatever routes came later", async () => {
    const host = await servedHost();
    host.state.routes = JSON.stringify([{ dst: "172.16.0.0/16", dev: "tun0" }]);
    await host.keeper.handle(ensureBridge);
    expect(host.changes()).toEqual([load(wantedTwo)]);
  });

  test("another network takes the present one's place; VMs with an address in that one lose it", async () => {
    const host = await servedHost();
    const bridge = { address: "10.5.0.1", prefix: 24 };
    await host.keeper.handle({ verb: "bridge.ensure", ...bridge });
    const move = ["address del 172.16.0.1/24 dev br-banger", "address add 10.5.0.1/24 dev br-banger"];
    expect(host.changes()).toEqual([load({ bridge, nat: true, taps: [] }), batch(...move)]);
    const text = "the bridge's network changes";
    expect(host.warnings()).toEqual([{ text, without: ["aaaa1111", "bbbb2222"] }]);
  });

  test("a failure says what the program said, and nothing is wanted after it", async () => {
    const host = fakeHost({ "ip -batch -": { exitCode: 1, stderr: "RTNETLINK answers: Operation not permitted\n" } });
    const failed = host.keeper.handle(ensureBridge);
    await expect(failed).rejects.toMatchObject({ kind: "failed", message: expect.stringContaining("not permitted") });
    expect(await host.keeper.check()).toBe(false);
    await expect(host.keeper.handle({ verb: "nat.ensure" })).rejects.toMatchObject({ kind: "refused" });
  });
});

describe("nat.ensure", () => {
  test("adds NAT to the tables, and has the host forward", async () => {
    const host = fakeHost();
    host.is(bridgeOnly);
    await host.keeper.handle(ensureBridge);
    host.changes();
    host.state.forwards = false;
    await host.keeper.handle({ verb: "nat.ensure" });
    expect(host.changes()).toEqual([load(withNat)]);
    expect(host.state.forwards).toBe(true);
  });
});

test("a daemon that connects again has the tables loaded once, unless they are lost in between", async () => {
  const host = await servedHost();
  const loads = () => host.changes().filter((line) => line.startsWith("nft -f"));
  await host.keeper.handle(ensureBridge);
  await host.keeper.handle({ verb: "nat.ensure" });
  expect(loads()).toEqual([load(wantedTwo)]);
  host.state.inet = "";
  await host.keeper.handle({ verb: "nat.ensure" });
  expect(loads()).toEqual([load(wantedTwo)]);
});

test("tables that an earlier helper loaded are loaded again by nat.ensure, too", async () => {
  const host = fakeHost();
  host.is(wantedTwo);
  await host.keeper.recover();
  await host.keeper.handle({ verb: "nat.ensure" });
  expect(host.changes()).toHaveLength(1);
});

describe("tap.create and tap.delete", () => {
  test("an interface that could be made but not attached does not stay", async () => {
    const name = `bgr-${tapC.vm}`;
    const inputs: string[] = [];
    const host = await servedHost({
      "ip -batch -": ({ input }) => {
        inputs.push(String(input));
        if (!String(input).startsWith("tuntap add")) return {};
        const there = JSON.parse(host.state.links) as object[];
        host.state.links = JSON.stringify([...there, { ifname: name, linkinfo: { info_kind: "tun" } }]);
        return { exitCode: 1, stderr: "RTNETLINK answers: Exchange full" };
      },
    });
    await expect(host.keeper.handle(createTap(tapC))).rejects.toMatchObject({ kind: "failed" });
    expect(inputs.at(-1)).toBe(`link del dev ${name}\n`);
  });

  test("the interface of a VM that has one already is not removed", async () => {
    let isFull = false;
    const inputs: string[] = [];
    const host = await servedHost({
      "ip -batch -": ({ input }) => {
        inputs.push(String(input));
        return isFull ? { exitCode: 1, stderr: "RTNETLINK answers: Exchange full" } : {};
      },
    });
    isFull = true;
    await expect(host.keeper.handle(createTap({ ...tapA, isolated: false }))).rejects.toMatchObject({ kind: "failed" });
    expect(inputs.filter((lines) => lines.includes("link del"))).toEqual([]);
  });

  test("the tables name the guest before its interface is there", async () => {
    const host = fakeHost();
    host.is(withNat);
    await host.keeper.handle(ensureBridge);
    await host.keeper.handle({ verb: "nat.ensure" });
    host.changes();
    await host.keeper.handle(createTap(tapA));
    expect(host.changes()).toEqual([
      load({ ...withNat, taps: [tapA] }, [tapA.address]),
      batch(
        "tuntap add dev bgr-aaaa1111 mode tap user 1000",
        "link set dev bgr-aaaa1111 addrgenmode none",
        "link set dev bgr-aaaa1111 master br-banger",
        "link set dev bgr-aaaa1111 type bridge_slave isolated on",
        "link set dev bgr-aaaa1111 up",
      ),
    ]);
  });

  test("the tables forget the guest before its interface goes; of one that is not there nothing goes", async () => {
    const host = await servedHost();
    await host.keeper.handle({ verb: "tap.delete", vm: vmA });
    expect(host.changes()).toEqual([load({ ...wantedTwo, taps: [tapB] }), batch("link del dev bgr-aaaa1111")]);
    await host.keeper.handle({ verb: "tap.delete", vm: "zzzz9999" as typeof vmA });
    expect(host.changes()).toEqual([load({ ...wantedTwo, taps: [tapB] })]);
  });

  test.each([createTap(tapA), { verb: "tap.delete", vm: vmA } as const])(
    "$verb looks at the interfaces while the tables are loaded",
    async (request) => {
      const begun: string[] = [];
      const slow = (line: string) => async () => {
        begun.push(line);
        await new Promise((resolve) => setImmediate(resolve));
        begun.push(`${line}, done`);
        return { stdout: host?.state.links ?? "[]" };
      };
      let host: Awaited<ReturnType<typeof servedHost>> | null = null;
      const look = "ip -json -details address show";
      host = await servedHost({ [look]: slow("look"), "nft -f -": slow("load") });
      begun.splice(0);
      await host.keeper.handle(request);
      expect(begun.slice(0, 2).toSorted()).toEqual(["load", "look"]);
    },
  );

  test.each([
    ["an address of another VM", { ...tapA, address: tapB.address }],
    ["the bridge's address", { ...tapA, address: defaultBridge.address }],
    ["an address elsewhere", { ...tapA, address: "10.0.0.5" }],
  ])("%s is refused", async (_, tap) => {
    const host = await servedHost();
    await expect(host.keeper.handle(createTap(tap))).rejects.toMatchObject({ kind: "refused" });
    expect(host.changes()).toEqual([]);
  });

  test("an interface that can't be made leaves no trace in the tables", async () => {
    let isBroken = false;
    const host = await servedHost({
      "ip -batch -": () => (isBroken ? { exitCode: 1, stderr: "open: No such file or directory" } : {}),
    });
    isBroken = true;
    host.is({ ...wantedTwo, taps: [tapB] });
    await host.keeper.handle({ verb: "tap.delete", vm: vmA });
    host.exec.calls.splice(0);
    await expect(host.keeper.handle(createTap(tapA))).rejects.toMatchObject({ kind: "failed" });
    expect(await host.keeper.check()).toBe(false);
  });

  test("two verbs about one VM are carried out one after the other", async () => {
    let running = 0;
    const slow = async () => {
      running += 1;
      expect(running).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return {};
    };
    const host = await servedHost({ "nft -f -": slow, "ip -batch -": slow });
    const all = [createTap(tapA), { verb: "tap.delete", vm: vmA } as const, createTap(tapA), ensureBridge];
    await Promise.all([...all.map((request) => host.keeper.handle(request)), host.keeper.check()]);
    expect(await host.keeper.check()).toBe(false);
  });
});

describe("the resolver", () => {
  const plan = resolverPlan(defaultBridge).map((argv) => argv.join(" "));
  const asked = { dns: "resolvectl dns br-banger", domain: "resolvectl domain br-banger" };

  test("is routed, and again when it forgot", async () => {
    const routed = {
      [asked.dns]: { stdout: "Link 4 (br-banger): 172.16.0.1\n" },
      [asked.domain]: { stdout: "Link 4 (br-banger): ~vm ~0.16.172.in-addr.arpa\n" },
    };
    let forgot = false;
    const host = await servedHost({
      ...Object.fromEntries(plan.map((line) => [line, {}])),
      [asked.dns]: () => (forgot ? { stdout: "Link 4 (br-banger):\n" } : (routed[asked.dns] ?? {})),
      [asked.domain]: () => routed[asked.domain] ?? {},
    });
    expect(await host.keeper.handle({ verb: "resolver.route" })).toEqual({ routed: true });
    expect(host.changes()).toEqual(plan);
    expect(await host.keeper.check()).toBe(false);
    expect(host.changes()).toEqual([asked.dns, asked.domain]);
    forgot = true;
    expect(await host.keeper.check()).toBe(true);
    expect(host.changes()).toEqual([asked.dns, asked.domain, ...plan]);
  });

  test("a host without systemd-resolved is told so, and that is no failure", async () => {
    const line = plan[0] ?? "";
    const host = await servedHost({ [line]: { exitCode: 1, stderr: "Failed to connect to bus" } });
    const result = { routed: false, why: expect.stringContaining("Failed to connect to bus") };
    expect(await host.keeper.handle({ verb: "resolver.route" })).toEqual(result);
    expect(await host.keeper.handle({ verb: "status" })).toMatchObject({ resolver: result });
  });

  test("is left alone again when it is not wanted any more", async () => {
    const host = await servedHost({ "resolvectl revert br-banger": { exitCode: 1 } });
    await host.keeper.handle({ verb: "resolver.unroute" });
    expect(host.changes()).toEqual(["resolvectl revert br-banger"]);
    await host.keeper.check();
    expect(host.changes()).toEqual([]);
  });
});

describe("a check", () => {
  test("changes nothing where all is there, or nothing is wanted", async () => {
    const host = await servedHost();
    expect(await host.keeper.check()).toBe(false);
    expect(host.changes()).toEqual([]);
    const idle = fakeHost();
    expect(await idle.keeper.check()).toBe(false);
    expect(idle.exec.calls).toEqual([]);
  });

  test("loads the tables that were flushed, and makes the bridge that was deleted", async () => {
    const host = await servedHost();
    host.state.bridge = "";
    expect(await host.keeper.check()).toBe(true);
    expect(host.changes()).toEqual([load(wantedTwo)]);
    host.is(wantedTwo);
    host.state.links = "[]";
    expect(await host.keeper.check()).toBe(true);
    expect(host.changes().at(-1)).toContain("tuntap add dev bgr-bbbb2222 mode tap user 1000");
    const text = "made again what was missing";
    expect(host.warnings()).toEqual([
      { text, made: ["tables"] },
      { text, made: ["interfaces"] },
    ]);
  });

  test("turns forwarding on again", async () => {
    const host = await servedHost();
    host.state.forwards = false;
    expect(await host.keeper.check()).toBe(true);
    expect(host.state.forwards).toBe(true);
  });
});

test("a new helper takes over what is complete", async () => {
  const host = fakeHost();
  host.is(wantedTwo);
  await host.keeper.recover();
  expect(await host.keeper.check()).toBe(false);
  expect(host.changes()).toEqual([]);
  await host.keeper.handle(ensureBridge);
  expect(host.changes()).toEqual([
    load({ ...wantedTwo, taps: [tapA, { ...tapB, deny: ["10.0.0.0-10.255.255.255"] }] }),
  ]);
});

test("the status says what the host has", async () => {
  const host = await servedHost();
  const status = {
    version: "1.0.0",
    pid: 7,
    bridge: defaultBridge,
    taps: ["aaaa1111", "bbbb2222"],
    nat: true,
    resolver: { routed: false, why: "it was not asked for" },
    firewalls: [],
  };
  expect(await host.keeper.handle({ verb: "status" })).toEqual(status);
  host.state.inet = "";
  expect(await host.keeper.handle({ verb: "status" })).toEqual({ ...status, nat: false });
  const idle = await fakeHost().keeper.handle({ verb: "status" });
  expect(idle).toMatchObject({ bridge: null, taps: [], nat: false });
});

test("the status of a full bridge beside many firewalls fits into a frame", async () => {
  const host = fakeHost();
  const vms = Array.from({ length: 1023 }, (_, at) => `a${String(at).padStart(7, "0")}` as typeof vmA);
  host.is({ bridge: { address: "172.16.0.1", prefix: 16 }, nat: true, taps: vms.map((vm) => ({ ...tapA, vm })) });
  const long = "x".repeat(255);
  const chains = Array.from({ length: 50 }, (_, at) => ({ family: "inet", table: long, name: `${long}${at}` }));
  host.state.chains = JSON.stringify({
    nftables: chains.map((chain) => ({ chain: { ...chain, hook: "forward", policy: "drop" } })),
  });
  await host.keeper.handle({ verb: "bridge.ensure", address: "172.16.0.1", prefix: 16 });
  await host.keeper.handle({ verb: "nat.ensure" });
  const result = await host.keeper.handle({ verb: "status" });
  expect(encodeFrame({ id: Number.MAX_SAFE_INTEGER, result }).length).toBeGreaterThan(12_000);
  expect([result["taps"], result["firewalls"]]).toEqual([vms, expect.objectContaining({ length: 16 })]);
});
