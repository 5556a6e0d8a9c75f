/** The DNS zones that hold the names of a network's addresses (RFC 1035 section 3.5). Pure. */
import { formatIpv4, type Ipv4Network, networkOf } from "./ipv4.ts";

/**
 * `0.16.172.in-addr.arpa` for 172.16.0.0/24. A zone ends between two bytes of an address: a network that does not has several, so
 * that they hold no address outside of it.
 * @param network its prefix 1 to 32; at most 128 zones
 */
export function reverseZones(network: Ipv4Network): string[] {
  const bytes = zoneBytes(network.prefix);
  const { address, prefix } = networkOf(network);
  const size = 2 ** (32 - 8 * bytes);
  return Array.from({ length: 2 ** (8 * bytes - prefix) }, (_, index) => {
    const parts = formatIpv4(address + index * size).split(".");
    return [...parts.slice(0, bytes).reverse(), "in-addr.arpa"].join(".");
  });
}

/** How many bytes of an address stand in the name of a zone; 1 to 4. */
export function zoneBytes(prefix: number): number {
  return Math.max(1, Math.ceil(prefix / 8));
}
