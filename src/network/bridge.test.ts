import { expect, test } from "bun:test";
import type { VmId } from "../base/names.ts";
import { openDatabase } from "../host/files/sqlite.ts";
import { memoryLogger } from "../host/testing/log.ts";
import { type BridgeSpec, defaultBridge, macOf } from "../model/bridge.ts";
import { vmPaths } from "../model/paths.ts";
import { createStore } from "../store/store.ts";
import { type BridgeDeps, createBridgeNetwork } from "./bridge.ts";
import { FakeHelper } from "./testing/fake-helper.ts";

const [one, other] = ["abcd1234" as VmId, "efgh5678" as VmId];
const at = (id: string) => vmPaths(`/s/vms/${id}`);
const settle = () => Bun.sleep(1);

type World = {
  fake: FakeHelper;
  leases: ReturnType<typeof createStore>["leases"];
  settings: { bridge: BridgeSpec; isolate: boolean };
  networks: string[];
};

function newWorld(): World {
  const { leases } = createStore(openDatabase(":memory:"), () => 0);
  return { fake: new FakeHelper(), leases, settings: { bridge: defaultBridge, isolate: true }, networks: [] };
}

/** A daemon's bridge; its timers wait for `retry`. */
function bridgeOf(world: World, more: Partial<Pick<BridgeDeps, "running" | "onUp">> = {}) {
  const timers: (() => void)[] = [];
  const ups: BridgeSpec[] = [];
  const log = memoryLogger();
  const bridge = createBridgeNetwork({
    connect: () => world.fake.connect(1000),
    leases: world.leases,
    settings: async () => world.settings,
    hostNetworks: async () => world.networks,
    resolvConfs: async () => ["nameserver 198.51.100.53\n"],
    running: [],
    onUp: async (spec) => void ups.push(spec),
    after(_ms, run) {
      timers.push(run);
      return () => void timers.splice(0);
    },
    log,
    ...more,
  });
  return { bridge, ups, log, retry: () => timers.shift()?.() };
}

test("it is settled once all of it is there, its names before the resolver asks for them; and when it can't be had", async () => {
  const world = newWorld();
  const routedAtUp: boolean[] = [];
  const { bridge } = bridgeOf(world, { onUp: async () => void routedAtUp.push(world.fake.isRouted) });
  await bridge.settled;
  expect([world.fake.bridge, world.fake.isRouted, routedAtUp]).toEqual([defaultBridge, true, [false]]);
  const away = newWorld();
  away.fake.refusals.set("bridge.ensure", { kind: "failed", message: "no" });
  await bridgeOf(away).bridge.settled;
  expect(away.fake.bridge).toBeNull();
});

test("a VM gets an address, a TAP interface, and what its guest has to know", async () => {
  const world = newWorld();
  const { bridge, ups } = bridgeOf(world);
  expect(await bridge.kind([], ["stream", "tap"])).toBe("tap");
  expect(await bridge.prepare(at(one), [], ["tap"])).toEqual({
    device: { kind: "tap", name: "bgr-abcd1234", mac: macOf(one) },
    identity: {
      address: "172.16.0.2",
      prefix: 24,
      gateway: "172.16.0.1",
      mac: macOf(one),
      dns: ["172.16.0.1", "198.51.100.53"],
      search: [],
    },
    process: null,
  });
  expect(world.fake.taps.get(one)).toEqual({ vm: one, address: "172.16.0.2", isolated: true, deny: [] });
  expect([world.fake.bridge, world.fake.isRouted, ups]).toEqual([defaultBridge, true, [defaultBridge]]);
});

test("it keeps its address until it is gone, and nobody else has it", async () => {
  const world = newWorld();
  const { bridge } = bridgeOf(world);
  const addressOf = async (id: VmId) => (await bridge.prepare(at(id), [], ["tap"])).identity.address;
  expect([await addressOf(one), await addressOf(other)]).toEqual(["172.16.0.2", "172.16.0.3"]);
  await bridge.stop(at(one));
  expect([world.fake.taps.has(one), await addressOf(one)]).toEqual([false, "172.16.0.2"]);
  await bridge.stop(at(one));
  bridge.forget(one);
  expect(world.leases.of(one)).toBeNull();
  expect(await addressOf("ijkl9012" as VmId)).toBe("172.16.0.4");
});

test("a VM's end waits for no answer of the helper", async () => {
  const world = newWorld();
  const { bridge } = bridgeOf(world);
  await bridge.prepare(at(one), [], ["tap"]);
  world.fake.silent.add("tap.delete");
  await bridge.stop(at(one));
  expect(world.fake.calls.at(-1)).toBe(`tap.delete ${one}`);
  bridge.close();
});

test("twenty VMs at once have twenty addresses", async () => {
  const world = newWorld();
  const { bridge } = bridgeOf(world);
  const ids = Array.from({ length: 20 }, (_, n) => `vm${String(n).padStart(6, "0")}`);
  const all = await Promise.all(ids.map((id) => bridge.prepare(at(id), [], ["tap"])));
  expect(new Set(all.map(({ identity }) => identity.address)).size).toBe(20);
  expect(world.fake.taps.size).toBe(20);
});

test("a full network is an error that says what to do", async () => {
  const world = newWorld();
  world.settings.bridge = { address: "10.7.0.1", prefix: 28 };
  const { bridge } = bridgeOf(world);
  for (let n = 0; n < 13; n++) await bridge.prepare(at(`vm${String(n).padStart(6, "0")}`), [], ["tap"]);
  await expect(bridge.prepare(at(one), [], ["tap"])).rejects.toMatchObject({
    code: "NETWORK_FAILED",
    message: expect.stringContaining("each of the 13 addresses of 10.7.0.1/28 belongs to a VM"),
    hint: expect.stringContaining("set a larger network"),
  });
  expect(world.fake.taps.has(one)).toBe(false);
});

test("a VM of an earlier network gets an address in this one", async () => {
  const world = newWorld();
  world.leases.set(one, "10.0.0.9");
  const { bridge } = bridgeOf(world);
  expect((await bridge.prepare(at(one), [], ["tap"])).identity.address).toBe("172.16.0.2");
});

test("what the spec denies and whether guests are isolated is told to the helper", async () => {
  const world = newWorld();
  world.networks = ["192.0.2.0/24", "10.1.0.0/16"];
  world.settings.isolate = false;
  const { bridge } = bridgeOf(world);
  await bridge.prepare(at(one), ["9.9.9.9/32", "lan"], ["tap"]);
  expect(world.fake.taps.get(one)).toMatchObject({
    isolated: false,
    deny: ["9.9.9.9/32", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.2.0/24"],
  });
  world.networks = Array.from({ length: 300 }, (_, n) => `198.18.${n % 256}.${n >> 8}/32`);
  await expect(bridge.prepare(at(other), ["lan"], ["tap"])).rejects.toMatchObject({
    code: "NETWORK_FAILED",
    message: expect.stringContaining("networks are denied, and 256 can be"),
  });
});

test("a VMM without TAP, a helper that is away and one that refuses are errors, and leave nothing wanted", async () => {
  const world = newWorld();
  const { bridge, retry } = bridgeOf(world);
  await expect(bridge.kind([], ["stream"])).rejects.toMatchObject({ code: "NETWORK_FAILED" });
  await expect(bridge.prepare(at(one), [], ["agent"])).rejects.toMatchObject({ code: "NETWORK_FAILED" });
  expect(world.leases.of(one)).toBeNull();
  world.fake.refusals.set("tap.create", { kind: "failed", message: "ip: no memory" });
  await expect(bridge.prepare(at(one), [], ["tap"])).rejects.toThrow("ip: no memory");
  world.fake.refusals.clear();
  world.fake.isAway = true;
  world.fake.end();
  await settle();
  const away = { code: "NETWORK_FAILED", hint: expect.stringContaining("sudo banger system restart") };
  await expect(bridge.prepare(at(one), [], ["tap"])).rejects.toMatchObject(away);
  await expect(bridge.kind([], ["tap"])).rejects.toMatchObject(away);
  world.fake.isAway = false;
  retry();
  await settle();
  expect([...world.fake.taps.keys()]).toEqual([]);
});

test("a network that clashes names one that is free", async () => {
  const world = newWorld();
  world.fake.refusals.set("bridge.ensure", {
    kind: "clash",
    message: "eth0 is in 172.16.0.0/16",
    free: "10.99.0.0/24",
  });
  await expect(bridgeOf(world).bridge.prepare(at(one), [], ["tap"])).rejects.toMatchObject({
    code: "NETWORK_FAILED",
    message: expect.stringContaining("eth0 is in 172.16.0.0/16"),
    hint: expect.stringContaining('set `bridge = "10.99.0.1/24"` below [network] in the config'),
  });
});

test("a helper that comes back gets everything again, and what ended meanwhile is removed", async () => {
  const world = newWorld();
  const { bridge, ups, retry } = bridgeOf(world);
  await bridge.prepare(at(one), ["9.9.9.9/32"], ["tap"]);
  await bridge.prepare(at(other), [], ["tap"]);
  world.fake.end();
  await settle();
  await bridge.stop(at(other));
  expect(world.fake.taps.has(other)).toBe(true);
  // the host was rebooted for the first one
  world.fake.taps.delete(one);
  world.fake.bridge = null;
  retry();
  await settle();
  expect(world.fake.taps.get(one)).toMatchObject({ address: "172.16.0.2", deny: ["9.9.9.9/32"] });
  expect(world.fake.bridge as BridgeSpec | null).toEqual(defaultBridge);
  expect([[...world.fake.taps.keys()], ups.length]).toEqual([[one], 2]);
});

test("the next daemon wants what runs, and removes what an earlier one left", async () => {
  const world = newWorld();
  const earlier = bridgeOf(world).bridge;
  await earlier.prepare(at(one), [], ["tap"]);
  await earlier.prepare(at(other), [], ["tap"]);
  earlier.close();
  const { bridge } = bridgeOf(world, { running: [{ id: one, deny: ["9.9.9.9/32"] }] });
  await bridge.kind([], ["tap"]);
  expect([...world.fake.taps.keys()]).toEqual([one]);
  expect(world.fake.taps.get(one)?.deny).toEqual(["9.9.9.9/32"]);
});

test("one VM that the helper refuses does not keep the others from their network", async () => {
  const world = newWorld();
  world.fake.refusals.set("tap.create", { kind: "refused", message: "not in the network" });
  const { bridge, log } = bridgeOf(world, { running: [{ id: one, deny: [] }] });
  await bridge.kind([], ["tap"]);
  expect(log.lines.join("\n")).toContain("not in the network");
});

test("a VM that was never on the bridge costs no question", async () => {
  const world = newWorld();
  const { bridge } = bridgeOf(world);
  await bridge.kind([], ["tap"]);
  const before = world.fake.calls.length;
  await bridge.stop(at(one));
  expect(world.fake.calls).toHaveLength(before);
});

test("its status is the helper's, and says why there is none", async () => {
  const world = newWorld();
  expect(await bridgeOf(world).bridge.status()).toMatchObject({ bridge: defaultBridge, nat: true, taps: [] });
  const refused = newWorld();
  refused.fake.refusals.set("bridge.ensure", { kind: "clash", message: "it is in use", free: "172.24.0.1/24" });
  await expect(bridgeOf(refused).bridge.status()).rejects.toMatchObject({
    code: "NETWORK_FAILED",
    details: { reason: "it is in use", install: expect.stringContaining('`bridge = "172.24.0.1/24"`') },
  });
});
