/** The host's interfaces, as far as the bridge is concerned: `ip -json -details address show`, ip-address(8). Pure. */
import { recordOf } from "../base/untrusted-json.ts";
import { type BridgeSpec, bridgeName, tapPrefix } from "../model/bridge.ts";

export type Link = {
  name: string;
  /** `bridge`, `tun`, `dummy`, …; empty for hardware */
  kind: string;
  isUp: boolean;
  mac: string;
  /** the bridge whose port it is; empty for none */
  master: string;
  isIsolated: boolean;
  /** `172.16.0.1/24` */
  addresses: string[];
};

/** @throws when the text is not what ip(8) prints */
export function readLinks(text: string): Link[] {
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed)) throw new Error("ip printed no list of interfaces");
  return parsed.flatMap((member) => linkOf(recordOf(member)) ?? []);
}

function linkOf(found: Record<string, unknown> | null): Link | null {
  const { ifname, linkinfo, flags, address, master, addr_info: addresses } = found ?? {};
  if (typeof ifname !== "string") return null;
  const info = recordOf(linkinfo);
  return {
    name: ifname,
    kind: stringOf(info?.["info_kind"]),
    isUp: Array.isArray(flags) && flags.includes("UP"),
    mac: stringOf(address),
    master: stringOf(master),
    isIsolated: recordOf(info?.["info_slave_data"])?.["isolated"] === true,
    addresses: (Array.isArray(addresses) ? addresses : []).flatMap((one) => ipv4Text(recordOf(one))),
  };
}

function ipv4Text(found: Record<string, unknown> | null): string[] {
  return found?.["family"] === "inet" ? [`${found["local"]}/${found["prefixlen"]}`] : [];
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Ids of the VMs that have an interface. */
export function tapsOf(links: readonly Link[]): string[] {
  const taps = links.filter(({ name, kind }) => kind === "tun" && name.startsWith(tapPrefix));
  return taps.map(({ name }) => name.slice(tapPrefix.length)).sort();
}

export function bridgeOf(links: readonly Link[]): Link | null {
  return links.find(({ name }) => name === bridgeName) ?? null;
}

/** The bridge's first address; null: there is no bridge, or it has none. */
export function bridgeSpecOf(links: readonly Link[]): BridgeSpec | null {
  const [address, prefix] = bridgeOf(links)?.addresses[0]?.split("/") ?? [];
  return address ? { address, prefix: Number(prefix) } : null;
}
