import { describe, expect, test } from "bun:test";
import { iptablesPlan, iptablesRemoval, readFirewalls } from "./firewalls.ts";

const chain = (family: string, table: string, name: string, hook?: string, policy = "accept") => ({
  chain: { family, table, name, ...(hook ? { type: "filter", hook, prio: 0, policy } : {}) },
});
const read = (...chains: object[]) => readFirewalls(JSON.stringify({ nftables: [{ metainfo: {} }, ...chains] }));

describe("what is found", () => {
  test("docker", () => {
    const found = read(
      chain("ip", "filter", "FORWARD", "forward", "drop"),
      chain("ip", "filter", "DOCKER-USER"),
      chain("ip", "nat", "POSTROUTING", "postrouting"),
    );
    expect(found).toEqual({ iptables: ["FORWARD"], owners: ["docker"], firewalld: false, foreign: [] });
  });

  test("ufw, and docker beside it", () => {
    const ufw = [
      chain("ip", "filter", "INPUT", "input", "drop"),
      chain("ip", "filter", "FORWARD", "forward", "drop"),
      chain("ip", "filter", "ufw-before-input"),
    ];
    expect(read(...ufw)).toMatchObject({ iptables: ["FORWARD", "INPUT"], owners: ["ufw"] });
    expect(read(...ufw, chain("ip", "filter", "DOCKER"))).toMatchObject({ owners: ["docker", "ufw"] });
  });

  test("firewalld, whose chains are not looked into", () => {
    const found = read(chain("inet", "firewalld", "filter_FORWARD", "forward", "drop"));
    expect(found).toEqual({ iptables: [], owners: ["iptables"], firewalld: true, foreign: [] });
  });

  test("the owner's own chain that drops is named; ours, and those that drop nothing, are not", () => {
    const found = read(
      chain("inet", "filter", "forward", "forward", "drop"),
      chain("inet", "filter", "output", "output", "drop"),
      chain("ip6", "filter", "FORWARD", "forward", "drop"),
      chain("inet", "filter", "input", "input"),
      chain("inet", "banger", "forward", "forward"),
    );
    expect(found?.foreign).toEqual(["inet filter forward"]);
  });

  test("nothing, and what is no list", () => {
    expect(read()).toEqual({ iptables: [], owners: ["iptables"], firewalld: false, foreign: [] });
    for (const text of ["", "[]", "{}", '{"nftables":{}}']) expect(readFirewalls(text)).toBeNull();
    expect(readFirewalls('{"nftables":[null,1,{"chain":5},{"chain":{}}]}')).toMatchObject({ iptables: [] });
  });
});

const from = "-i br-banger -m comment --comment banger -j ACCEPT";
const to = "-o br-banger -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment banger -j ACCEPT";
const lines = (plan: string[][]) => plan.map((args) => args.join(" "));

describe("rules in iptables' chains", () => {
  test("a policy of DROP, and a rule of another", () => {
    const both = [`-I FORWARD 1 ${from}`, `-I FORWARD 1 ${to}`];
    expect(lines(iptablesPlan("FORWARD", "-P FORWARD DROP\n"))).toEqual(both);
    expect(lines(iptablesPlan("FORWARD", "-P FORWARD ACCEPT\n-A FORWARD -j REJECT\n"))).toEqual(both);
    expect(lines(iptablesPlan("INPUT", "-P INPUT DROP\n"))).toEqual([`-I INPUT 1 ${from}`]);
  });

  test("none where nothing is dropped, and each only once", () => {
    expect(iptablesPlan("FORWARD", "-P FORWARD ACCEPT\n")).toEqual([]);
    expect(iptablesPlan("FORWARD", `-P FORWARD DROP\n-A FORWARD ${to}\n-A FORWARD ${from}\n`)).toEqual([]);
    expect(lines(iptablesPlan("FORWARD", `-P FORWARD DROP\n-A FORWARD ${to}\n`))).toEqual([`-I FORWARD 1 ${from}`]);
    expect(iptablesPlan("FORWARD", `-P FORWARD ACCEPT\n-A FORWARD ${to}\n`)).toEqual([]);
  });

  test("the removal takes ours, as often as they are there, and no others", () => {
    const text = `-P FORWARD DROP\n-A FORWARD ${from}\n-A FORWARD -i eth0 -j ACCEPT\n-A FORWARD ${from}\n`;
    expect(lines(iptablesRemoval("FORWARD", text))).toEqual([`-D FORWARD ${from}`, `-D FORWARD ${from}`]);
  });
});
