/**
 * What may pass between a guest and the bridge: `table bridge banger`. A guest sends IPv4 and ARP alone, with its own MAC and IPv4 address;
 * so no VLAN tags, no IPv6 (and no router advertisements), no DHCP server. It fails closed: a TAP with our prefix that no set names passes
 * nothing. Pure.
 */
import { macOf, tapName, tapPrefix } from "../model/bridge.ts";
import type { NftTable } from "./ruleset.ts";
import type { WantedTap } from "./wanted.ts";

const anyTap = `"${tapPrefix}*"`;
/** RFC 826, for IPv4 over Ethernet */
const plainArp = "arp htype 1 arp ptype ip arp hlen 6 arp plen 4";

/** before every other table's: NF_BR_PRI_NAT_DST_BRIDGED of linux/netfilter_bridge.h */
const priority = -300;

export function bridgeTable(taps: readonly WantedTap[]): NftTable {
  return {
    id: "bridge",
    sets: [
      {
        name: "guests",
        type: "ifname . ether_addr . ipv4_addr",
        elements: taps.map(({ vm, address }) => `"${tapName(vm)}" . ${macOf(vm)} . ${address}`),
      },
      {
        name: "open",
        type: "ifname",
        elements: taps.filter(({ isolated }) => !isolated).map(({ vm }) => `"${tapName(vm)}"`),
      },
    ],
    chains: [
      {
        name: "from-guest",
        hook: null,
        rules: [
          // by itself, so that the type behind a VLAN tag never counts
          "ether type != { ip, arp } drop",
          "ether type ip udp sport 67 drop",
          "ether type ip iifname . ether saddr . ip saddr @guests accept",
          `ether type arp ${plainArp} iifname . ether saddr . arp saddr ip @guests iifname . arp saddr ether . arp saddr ip @guests accept`,
          "drop",
        ],
      },
      {
        name: "prerouting",
        hook: { type: "filter", hook: "prerouting", priority },
        rules: [`iifname ${anyTap} jump from-guest`],
      },
      {
        name: "forward",
        hook: { type: "filter", hook: "forward", priority },
        // isolated ports (bridge(8)) do the same in the bridge itself
        rules: ["iifname @open oifname @open accept", `iifname ${anyTap} drop`, `oifname ${anyTap} drop`],
      },
    ],
  };
}
