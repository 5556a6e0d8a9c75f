import { describe, expect, test } from "bun:test";
import { bridgeName, defaultBridge, macOf, tapName } from "../model/bridge.ts";
import { bridgePlan, carrierPlan, removalPlan, tapPlan } from "./link-plan.ts";
import { type Link, readLinks, tapsOf } from "./links.ts";
import { tapA, tapB, vmA } from "./testing/wanted.ts";

const none: Link = { name: "", kind: "", isUp: false, mac: "", master: "", isIsolated: false, addresses: [] };
const bridge: Link = {
  ...none,
  name: bridgeName,
  kind: "bridge",
  isUp: true,
  mac: macOf(bridgeName),
  addresses: ["172.16.0.1/24"],
};
const carrier: Link = { ...none, name: "banger-carrier", kind: "dummy", isUp: true, master: bridgeName };
const tap: Link = { ...none, name: tapName(vmA), kind: "tun", isUp: true, master: bridgeName, isIsolated: true };

describe("the bridge", () => {
  test("is made with its address, without IPv6", () => {
    expect(bridgePlan([], defaultBridge)).toEqual([
      `link add name br-banger address ${macOf(bridgeName)} type bridge mcast_snooping 0`,
      "link set dev br-banger addrgenmode none",
      "address add 172.16.0.1/24 dev br-banger",
      "link set dev br-banger up",
    ]);
    expect(bridgePlan([bridge], defaultBridge)).toEqual([]);
  });

  test("gets back what it lost, and loses other addresses", () => {
    const changed = { ...bridge, isUp: false, mac: "02:00:00:00:00:01", addresses: ["10.5.0.1/24"] };
    expect(bridgePlan([changed], defaultBridge)).toEqual([
      `link set dev br-banger address ${macOf(bridgeName)}`,
      "address del 10.5.0.1/24 dev br-banger",
      "address add 172.16.0.1/24 dev br-banger",
      "link set dev br-banger up",
    ]);
  });

  test("its carrier is its port, and up", () => {
    const lines = ["link set dev banger-carrier master br-banger", "link set dev banger-carrier up"];
    expect(carrierPlan([])).toEqual(["link set dev banger-carrier addrgenmode none", ...lines]);
    expect(carrierPlan([{ ...carrier, master: "", isUp: false }])).toEqual(lines);
    expect(carrierPlan([carrier])).toEqual([]);
  });
});

describe("a VM's interface", () => {
  test("belongs to the owner, and is isolated unless it is not", () => {
    expect(tapPlan([bridge], tapA, 1000)).toEqual([
      "tuntap add dev bgr-aaaa1111 mode tap user 1000",
      "link set dev bgr-aaaa1111 addrgenmode none",
      "link set dev bgr-aaaa1111 master br-banger",
      "link set dev bgr-aaaa1111 type bridge_slave isolated on",
      "link set dev bgr-aaaa1111 up",
    ]);
    expect(tapPlan([], tapB, 1000).filter((line) => line.includes("isolated"))).toEqual([]);
    expect(tapPlan([tap], tapA, 1000)).toEqual([]);
  });

  test("gets back what it lost", () => {
    const isolate = "link set dev bgr-aaaa1111 type bridge_slave isolated";
    expect(tapPlan([{ ...tap, isIsolated: false }], tapA, 1000)).toEqual([`${isolate} on`]);
    expect(tapPlan([tap], { ...tapA, isolated: false }, 1000)).toEqual([`${isolate} off`]);
    expect(tapPlan([{ ...tap, master: "", isIsolated: false }], tapA, 1000)).toEqual([
      "link set dev bgr-aaaa1111 master br-banger",
      `${isolate} on`,
    ]);
  });
});

test.each([
  ["the bridge", () => bridgePlan([{ ...bridge, kind: "dummy" }], defaultBridge)],
  ["the carrier", () => carrierPlan([{ ...carrier, kind: "" }])],
  ["a VM's interface", () => tapPlan([{ ...tap, kind: "veth" }], tapA, 1000)],
])("an interface of another kind with the name of %s is left alone", (_, plan) => {
  expect(plan).toThrow(/has the name/);
});

test("the removal takes what is ours, the bridge last", () => {
  const others = [
    { ...none, name: "eth0" },
    { ...tap, name: "tap0" },
    { ...tap, name: "bgr-other", kind: "veth" },
    { ...none, name: "docker0", kind: "bridge" },
  ];
  expect(removalPlan([bridge, ...others, carrier, tap])).toEqual([
    "link del dev bgr-aaaa1111",
    "link del dev banger-carrier",
    "link del dev br-banger",
  ]);
  expect(removalPlan(others)).toEqual([]);
});

test("what ip(8) prints is read", () => {
  const printed = [
    { ifname: "eth0", flags: ["UP"], address: "02:00:00:00:00:07", addr_info: [{ family: "inet6", local: "fe80::1" }] },
    {
      ifname: "bgr-aaaa1111",
      flags: ["BROADCAST"],
      master: "br-banger",
      linkinfo: { info_kind: "tun", info_slave_kind: "bridge", info_slave_data: { isolated: true } },
      addr_info: [{ family: "inet", local: "172.16.0.1", prefixlen: 24 }],
    },
    {},
  ];
  const links = readLinks(JSON.stringify(printed));
  expect(links).toEqual([
    { ...none, name: "eth0", isUp: true, mac: "02:00:00:00:00:07" },
    { ...tap, isUp: false, addresses: ["172.16.0.1/24"] },
  ]);
  expect(tapsOf(links)).toEqual([vmA]);
  expect(() => readLinks("{}")).toThrow();
});
