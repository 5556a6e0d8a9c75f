/** Who may ask: guests on the bridge, and programs of this host. Pure. */
import { type Ipv4Network, isInNetwork, parseCidr, parseIpv4 } from "../../base/ipv4.ts";
import type { DnsNetwork } from "./zones.ts";

/** how often the host's addresses are looked up at most, in `ms`: whoever is refused makes it happen */
const keepMs = 1000;

export type Source = "guest" | "host" | "elsewhere";

export type SourceDeps = {
  network: DnsNetwork;
  /** the host's own addresses, as `192.0.2.7` */
  ownAddresses(): readonly string[];
  /** monotonic, in `ms` */
  now(): number;
};

/** Tells where a packet comes from by its source address, which the kernel has checked: it drops its own addresses where they come from outside. */
export function sourcesOf({ network, ownAddresses, now }: SourceDeps): (address: string) => Source {
  const guests = parseCidr(`${network.address}/${network.prefix}`);
  let own: readonly string[] = [];
  let since = Number.NEGATIVE_INFINITY;
  return (address) => {
    const number = parseIpv4(address);
    if (number === null) return "elsewhere";
    if (address === network.address || isInNetwork(number, loopback)) return "host";
    if (guests !== null && isInNetwork(number, guests)) return "guest";
    if (now() - since >= keepMs) {
      own = ownAddresses();
      since = now();
    }
    return own.includes(address) ? "host" : "elsewhere";
  };
}

/** 127.0.0.0/8 */
const loopback: Ipv4Network = { address: 0x7f000000, prefix: 8 };
