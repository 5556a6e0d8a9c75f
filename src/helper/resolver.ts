/** What systemd-resolved is told, so that names below `.vm` and the bridge's addresses are asked at the bridge: resolvectl(1). Pure. */
import { formatIpv4, networkOf, parseIpv4 } from "../base/ipv4.ts";
import { type BridgeSpec, bridgeName } from "../model/bridge.ts";

/** `~`: only queries below it go there (resolvectl(1), routing domains) */
export function routingDomains(bridge: BridgeSpec): string[] {
  return ["~vm", ...reverseZones(bridge).map((zone) => `~${zone}`)];
}

/** The command lines, in order. Neither LLMNR nor multicast DNS, for guests would hear what the host asks for; `.vm` is not signed. */
export function resolverPlan(bridge: BridgeSpec): string[][] {
  const lines = [
    ["dns", bridge.address],
    ["domain", ...routingDomains(bridge)],
    ["default-route", "no"],
    ["llmnr", "no"],
    ["mdns", "no"],
    ["dnssec", "no"],
    ["dnsovertls", "no"],
  ];
  return lines.map(([setting = "", ...values]) => ["resolvectl", setting, bridgeName, ...values]);
}

export const resolverRemoval = ["resolvectl", "revert", bridgeName];

/** Whether the answers of `resolvectl dns` and `resolvectl domain` for the bridge are as wanted: `Link 3 (br-banger): 172.16.0.1`. */
export function isRouted(bridge: BridgeSpec, dns: string, domain: string): boolean {
  const domains = wordsOf(domain);
  return wordsOf(dns).includes(bridge.address) && routingDomains(bridge).every((one) => domains.includes(one));
}

function wordsOf(text: string): string[] {
  return text.slice(text.indexOf("):") + 2).split(/\s+/);
}

/**
 * The zones of RFC 1035, 3.5 that hold the bridge's addresses alone: one for each 256 addresses, or for each 65,536. None for a network with
 * a longer prefix than 24: its zone would have addresses of others.
 */
export function reverseZones({ address, prefix }: BridgeSpec): string[] {
  if (prefix > 24) return [];
  const octets = prefix > 16 ? 3 : 2;
  const first = networkOf({ address: parseIpv4(address) ?? 0, prefix }).address;
  return Array.from({ length: 2 ** (octets * 8 - prefix) }, (_, index) => {
    const parts = formatIpv4(first + index * 2 ** (32 - octets * 8)).split(".");
    return `${parts.slice(0, octets).reverse().join(".")}.in-addr.arpa`;
  });
}
