/** Which address the next VM on the bridge gets. Pure. */
import { formatIpv4, hostsOf, parseIpv4 } from "../base/ipv4.ts";
import { type BridgeSpec, bridgeNetwork } from "../model/bridge.ts";

/**
 * The first free address after `last`, in a circle: an address that was given up is used again as late as possible, as its host and other
 * guests may remember the MAC address that it had. Null: all are taken.
 * @param taken addresses, also of other networks @param last the address that was given last; null: none
 */
export function freeAddress(bridge: BridgeSpec, taken: ReadonlySet<string>, last: string | null): string | null {
  const { first, count } = range(bridge);
  const begin = offsetIn(bridge, last) ?? -1;
  for (let step = 1; step <= count; step++) {
    const address = formatIpv4(first + ((begin + step) % count));
    if (address !== bridge.address && !taken.has(address)) return address;
  }
  return null;
}

/** Whether a VM on that bridge can have the address. */
export function isGuestAddress(bridge: BridgeSpec, address: string): boolean {
  return address !== bridge.address && offsetIn(bridge, address) !== null;
}

function range(bridge: BridgeSpec): { first: number; count: number } {
  const { first, last } = hostsOf(bridgeNetwork(bridge));
  return { first, count: last - first + 1 };
}

function offsetIn(bridge: BridgeSpec, address: string | null): number | null {
  const { first, count } = range(bridge);
  const offset = (parseIpv4(address ?? "") ?? -1) - first;
  return offset >= 0 && offset < count ? offset : null;
}
