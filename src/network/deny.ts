/** Expands a VM's `deny` list for `netguard`. Pure. */
import { privateNetworks } from "../base/ipv4.ts";
import { lan } from "../model/network.ts";

/** of carriers and some VPNs: RFC 6598 */
const sharedNetwork = "100.64.0.0/10";

/** @param attached the host's networks and own addresses, which `lan` stands for */
export function deniedNetworks(deny: readonly string[], attached: readonly string[]): string[] {
  return [
    ...new Set(deny.flatMap((entry) => (entry === lan ? [...privateNetworks, sharedNetwork, ...attached] : [entry]))),
  ];
}
