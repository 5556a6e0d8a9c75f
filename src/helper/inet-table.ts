/**
 * What may pass between the bridge's network, the host and everything else: `table inet banger`. Guests reach the outside but for what
 * their VM denies; from outside only answers get in; of the host they reach DNS and echo on the bridge's address. Pure.
 */
import { v4Metadata } from "../base/zone.ts";
import { type BridgeSpec, bridgeName, tapPrefix } from "../model/bridge.ts";
import { formatRange, merged, rangeOf } from "./networks.ts";
import type { NftChain, NftSet, NftTable } from "./ruleset.ts";
import { networkText, type WantedTap } from "./wanted.ts";

/**
 * What reaches the host by a guest's interface itself has passed no bridge, and so not the bridge's table: a frame for a protocol of the bridge's own,
 * or one of an interface that was taken out of the bridge.
 */
const past = `iifname "${tapPrefix}*" drop`;
const from = `iifname "${bridgeName}"`;
const to = `oifname "${bridgeName}"`;
const answers = "ct state established,related accept";
const refuse = "reject with icmp type admin-prohibited";
/** link-local addresses (RFC 3927), and where else clouds have their metadata services */
const neverReached = ["169.254.0.0/16", ...v4Metadata].join(", ");

/**
 * What one guest may ask the daemon's DNS server, which shares a thread with all else that the daemon does: about 1200 queries over UDP in a
 * second, 3400 over TCP. The rest is dropped before it costs the daemon anything. nft(8), "limit statement".
 */
const tooManyQueries = "limit rate over 64 kbytes/second burst 128 kbytes drop";

export function inetTable(bridge: BridgeSpec, nat: boolean, taps: readonly WantedTap[]): NftTable {
  const denying = taps.filter(({ deny }) => deny.length > 0);
  const open = taps.filter(({ isolated }) => !isolated).map(({ address }) => address);
  return {
    id: "inet",
    sets: [{ name: "open", type: "ipv4_addr", elements: open }, ...denying.map(deniedSet)],
    chains: [
      ...denying.map(denyChain),
      ...taps.map(({ vm }) => ({ name: dnsName(vm), hook: null, rules: [tooManyQueries] })),
      forward(bridge, nat, denying),
      input(bridge, taps),
      ...(nat ? [masquerade(bridge)] : []),
    ],
  };
}

/** One for each VM that denies something; of networks that overlap only the sum. */
function deniedSet({ vm, deny }: WantedTap): NftSet {
  const ranges = deny.map(rangeOf).filter((range) => range !== null);
  return { name: denyName(vm), type: "ipv4_addr", isInterval: true, elements: merged(ranges).map(formatRange) };
}

function denyChain({ vm }: WantedTap): NftChain {
  return { name: denyName(vm), hook: null, rules: [`ip daddr @${denyName(vm)} ${refuse}`] };
}

/** name of a VM's set and chain */
function denyName(vm: string): string {
  return `deny-${vm}`;
}

/** name of the chain with a VM's limit: each has its own, so that none can use up the others' */
function dnsName(vm: string): string {
  return `dns-${vm}`;
}

function forward(bridge: BridgeSpec, nat: boolean, denying: readonly WantedTap[]): NftChain {
  const jumps = denying.map(({ vm, address }) => `${address} : jump ${denyName(vm)}`);
  return {
    name: "forward",
    hook: { type: "filter", hook: "forward", priority: 0 },
    rules: [
      past,
      // bridged frames pass here too where br_netfilter is loaded; and a guest can have the host send its packet back to the bridge
      `${from} ${to} ip saddr @open ip daddr @open accept`,
      `${from} ${to} ip saddr @open meta pkttype { broadcast, multicast } accept`,
      `${from} ${to} drop`,
      `${from} ip daddr { ${neverReached} } ${refuse}`,
      ...(jumps.length > 0 ? [`${from} ip saddr vmap { ${jumps.join(", ")} }`] : []),
      ...(nat ? [`${from} ip saddr ${networkText(bridge)} accept`] : []),
      `${from} drop`,
      `${to} ${answers}`,
      `${to} drop`,
    ],
  };
}

function input(bridge: BridgeSpec, taps: readonly WantedTap[]): NftChain {
  const jumps = taps.map(({ vm, address }) => `${address} : jump ${dnsName(vm)}`);
  const here = `${from} ip daddr ${bridge.address}`;
  const elsewhere = `iifname != { "lo", "${bridgeName}" }`;
  return {
    name: "input",
    hook: { type: "filter", hook: "input", priority: 0 },
    rules: [
      past,
      // Linux takes packets for any of its addresses on any interface
      `${elsewhere} ip daddr ${bridge.address} drop`,
      `${elsewhere} ip saddr ${networkText(bridge)} drop`,
      // before the next rule, which takes every query but a flow's first
      ...(jumps.length > 0
        ? [`${here} meta l4proto { tcp, udp } th dport 53 ip saddr vmap { ${jumps.join(", ")} }`]
        : []),
      `${from} ${answers}`,
      `${here} udp dport 53 accept`,
      `${here} tcp dport 53 accept`,
      `${here} icmp type echo-request accept`,
      `${from} meta nfproto ipv4 ${refuse}`,
      `${from} drop`,
    ],
  };
}

/** 100: NF_IP_PRI_NAT_SRC of linux/netfilter_ipv4.h */
function masquerade(bridge: BridgeSpec): NftChain {
  return {
    name: "postrouting",
    hook: { type: "nat", hook: "postrouting", priority: 100 },
    rules: [`ip saddr ${networkText(bridge)} oifname != "${bridgeName}" masquerade`],
  };
}
