/** What `netguard` is told of a VM's `deny` list. Pure. */
import { lan } from "../model/network.ts";

/** RFC 1918, and what carriers (and some VPNs) use in the same way: RFC 6598 */
const privateNetworks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

/** @param attached of the host, with its own addresses; looked at for the word `lan` */
export function deniedNetworks(deny: readonly string[], attached: readonly string[]): string[] {
  return [...new Set(deny.flatMap((entry) => (entry === lan ? [...privateNetworks, ...attached] : [entry])))];
}
