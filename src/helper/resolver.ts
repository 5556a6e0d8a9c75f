/** What systemd-resolved is told, so that names below `.vm` and the bridge's addresses are asked at the bridge: resolvectl(1). Pure. */
import { reverseZones } from "../base/reverse-zone.ts";
import { type BridgeSpec, bridgeName, bridgeNetwork, vmZone } from "../model/bridge.ts";

/** `~`: only queries below it go there (resolvectl(1), routing domains) */
export function routingDomains(bridge: BridgeSpec): string[] {
  return [vmZone, ...reverseZones(bridgeNetwork(bridge))].map((zone) => `~${zone}`);
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
