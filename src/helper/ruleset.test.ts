import { describe, expect, test } from "bun:test";
import { defaultBridge, macOf } from "../model/bridge.ts";
import { rulesetOf } from "./ruleset.ts";
import { removalText, rulesetText } from "./ruleset-text.ts";
import { tapA, vmA, vmB, wantedTwo } from "./testing/wanted.ts";
import { nothingWanted } from "./wanted.ts";

const chainOf = (text: string, name: string) =>
  (text.split(`  chain ${name} {\n`)[1] ?? "")
    .split("  }\n")[0]
    ?.split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

const text = rulesetText(rulesetOf(wantedTwo));

test("the tables are replaced in one transaction, and are nobody else's", () => {
  expect(text.split("\n").slice(0, 5)).toEqual([
    "add table bridge banger",
    "delete table bridge banger",
    "add table inet banger",
    "delete table inet banger",
    "table bridge banger {",
  ]);
  expect(
    text
      .match(/table \S+ \S+/g)
      ?.filter((table) => !/^table (bridge banger|inet banger|inet banger-flows)$/.test(table)),
  ).toEqual([]);
  expect(rulesetText(rulesetOf(nothingWanted))).toBe(removalText());
});

describe("the bridge's table", () => {
  test("names each guest's interface, MAC address and address together", () => {
    expect(text).toContain(
      `elements = { "bgr-${vmA}" . ${macOf(vmA)} . 172.16.0.2, "bgr-${vmB}" . ${macOf(vmB)} . 172.16.0.3 }`,
    );
    expect(text).toContain(`elements = { "bgr-${vmB}" }`);
  });

  test("a guest's frames pass only as IPv4 or ARP of its own", () => {
    expect(chainOf(text, "from-guest")).toEqual([
      "ether type != { ip, arp } drop",
      "ether type ip udp sport 67 drop",
      "ether type ip iifname . ether saddr . ip saddr @guests accept",
      "ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 iifname . ether saddr . arp saddr ip @guests iifname . arp saddr ether . arp saddr ip @guests accept",
      "drop",
    ]);
    expect(chainOf(text, "prerouting")).toEqual([
      "type filter hook prerouting priority -300; policy accept;",
      'iifname "bgr-*" jump from-guest',
    ]);
  });
});

describe("the host's table", () => {
  const inet = text.slice(text.indexOf("table inet banger {"));

  test("what a guest may reach: the outside, but for link-local addresses and what its VM denies", () => {
    expect(chainOf(inet, "forward")).toEqual([
      "type filter hook forward priority 0; policy accept;",
      'iifname "bgr-*" drop',
      'iifname "br-banger" oifname "br-banger" ip saddr @open ip daddr @open accept',
      'iifname "br-banger" oifname "br-banger" ip saddr @open meta pkttype { broadcast, multicast } accept',
      'iifname "br-banger" oifname "br-banger" drop',
      'iifname "br-banger" ip daddr { 169.254.0.0/16, 100.100.100.200, 168.63.129.16, 192.0.0.192 } reject with icmp type admin-prohibited',
      `iifname "br-banger" ip saddr vmap { 172.16.0.3 : jump deny-${vmB} }`,
      'iifname "br-banger" ip saddr 172.16.0.0/24 accept',
      'iifname "br-banger" drop',
      'oifname "br-banger" ct state established,related accept',
      'oifname "br-banger" drop',
    ]);
    expect(inet).toContain("elements = { 10.0.0.0-10.255.255.255 }");
    expect(chainOf(inet, `deny-${vmB}`)).toEqual([`ip daddr @deny-${vmB} reject with icmp type admin-prohibited`]);
    expect(inet).not.toContain(`deny-${vmA}`);
  });

  test("of the host itself: DNS and echo on the bridge's address", () => {
    expect(chainOf(inet, "input")).toEqual([
      "type filter hook input priority 0; policy accept;",
      'iifname "bgr-*" drop',
      'iifname != { "lo", "br-banger" } ip daddr 172.16.0.1 drop',
      'iifname != { "lo", "br-banger" } ip saddr 172.16.0.0/24 drop',
      `iifname "br-banger" ip daddr 172.16.0.1 meta l4proto { tcp, udp } th dport 53 ip saddr vmap { 172.16.0.2 : jump dns-${vmA}, 172.16.0.3 : jump dns-${vmB} }`,
      'iifname "br-banger" ct state established,related accept',
      'iifname "br-banger" ip daddr 172.16.0.1 udp dport 53 accept',
      'iifname "br-banger" ip daddr 172.16.0.1 tcp dport 53 accept',
      'iifname "br-banger" ip daddr 172.16.0.1 icmp type echo-request accept',
      'iifname "br-banger" meta nfproto ipv4 reject with icmp type admin-prohibited',
      'iifname "br-banger" drop',
    ]);
  });

  test("each guest has a limit of its own on what it asks of the DNS", () => {
    for (const vm of [vmA, vmB])
      expect(chainOf(inet, `dns-${vm}`)).toEqual(["limit rate over 64 kbytes/second burst 128 kbytes drop"]);
  });

  test("each guest has a limit on the connections that the host tracks, and keeps its count when the tables are loaded", () => {
    const flows = text.slice(text.indexOf("table inet banger-flows {"));
    expect(text).not.toContain("delete table inet banger-flows");
    expect(flows.match(/^flush chain .*$/gm)).toEqual([
      "flush chain inet banger-flows refuse",
      "flush chain inet banger-flows new-flow",
      "flush chain inet banger-flows forward",
      "flush chain inet banger-flows input",
    ]);
    const whole = flows.slice(flows.indexOf("  set count"));
    expect(chainOf(whole, "new-flow")).toEqual([
      "add @count { ip saddr ct count over 4096 } jump refuse",
      "update @rate { ip saddr limit rate over 200/second burst 4096 packets } jump refuse",
    ]);
    expect(chainOf(whole, "refuse")).toEqual([
      "meta l4proto tcp reject with tcp reset",
      "reject with icmp type admin-prohibited",
    ]);
    for (const hook of ["forward", "input"])
      expect(chainOf(whole, hook)).toEqual([
        `type filter hook ${hook} priority -10; policy accept;`,
        'iifname "br-banger" ct state new jump new-flow',
      ]);
  });

  test("without nat nothing of a guest leaves the host", () => {
    const closed = rulesetText(rulesetOf({ bridge: defaultBridge, nat: false, taps: [tapA] }));
    expect(closed).not.toContain("masquerade");
    expect(chainOf(closed.slice(closed.indexOf("table inet")), "forward")).not.toContain(
      'iifname "br-banger" ip saddr 172.16.0.0/24 accept',
    );
    expect(chainOf(inet, "postrouting")).toEqual([
      "type nat hook postrouting priority 100; policy accept;",
      'ip saddr 172.16.0.0/24 oifname != "br-banger" masquerade',
    ]);
  });
});
