/** The bridge of system mode: its name, its addresses, and how each VM is attached to it. Pure. */
import { createHash } from "node:crypto";
import { formatIpv4, type Ipv4Network, isHostAddress, isPrivate, parseCidr, parseIpv4 } from "../base/ipv4.ts";
import type { VmId } from "../base/names.ts";

export const bridgeName = "br-banger";

/** names of the VMs' TAP interfaces begin so, and those of no others do */
export const tapPrefix = "bgr-";

/** the host's address on the bridge, which is the guests' gateway and resolver */
export type BridgeSpec = { address: string; prefix: number };

export const defaultBridge: BridgeSpec = { address: "172.16.0.1", prefix: 24 };

/** Null unless the text is a private address of a host with its prefix, from 16 to 28: `172.16.0.1/24`. */
export function parseBridge(text: string): BridgeSpec | null {
  const parsed = parseCidr(text);
  if (parsed === null || parsed.prefix < 16 || parsed.prefix > 28) return null;
  // a private one, so that no address of the internet is taken from the host
  if (!isPrivate(parsed.address) || !isHostAddress(parsed)) return null;
  return { address: formatIpv4(parsed.address), prefix: parsed.prefix };
}

/** The host's address on the bridge with its prefix, as numbers. */
export function bridgeNetwork({ address, prefix }: BridgeSpec): Ipv4Network {
  return { address: parseIpv4(address) ?? 0, prefix };
}

/** The TAP interface of a VM; 12 characters, of the 15 that Linux allows. */
export function tapName(id: VmId): string {
  return `${tapPrefix}${id}`;
}

/** A VM's MAC address: locally administered unicast, derived from its id. */
export function macOf(id: string): string {
  const bytes = createHash("sha256").update(`banger mac ${id}`).digest().subarray(0, 5);
  return ["02", ...Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

/** The zone of VMs' names: `NAME.vm`. */
export const vmZone = "vm";

/** A name in that zone which always has the bridge's address, to find out where a resolver asks; `_`, so that no VM is called that. */
export const probeLabel = "_banger";
