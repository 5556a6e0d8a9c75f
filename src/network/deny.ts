/** Expands a VM's `deny` list for `netguard`. Pure. */
import { lan } from "../model/network.ts";

/** RFC 1918, and the shared space of carriers and some VPNs, RFC 6598 */
const privateNetworks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

/** @param attached the host's networks and own addresses, which `lan` stands for */
export function deniedNetworks(deny: readonly string[], attached: readonly string[]): string[] {
  return [...new Set(deny.flatMap((entry) => (entry === lan ? [...privateNetworks, ...attached] : [entry])))];
}
