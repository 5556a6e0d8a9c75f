/** The bridge of system mode: its name, its addresses, and how each VM is attached to it. Pure. */
import { createHash } from "node:crypto";
import type { VmId } from "../base/names.ts";

export const bridgeName = "br-banger";

/** names of the VMs' TAP interfaces begin so, and those of no others do */
export const tapPrefix = "bgr-";

/** the host's address on the bridge, which is the guests' gateway and resolver */
export type BridgeSpec = { address: string; prefix: number };

export const defaultBridge: BridgeSpec = { address: "172.16.0.1", prefix: 24 };

/** The TAP interface of a VM; 12 characters, of the 15 that Linux allows. */
export function tapName(id: VmId): string {
  return `${tapPrefix}${id}`;
}

/** A VM's MAC address: locally administered unicast, derived from its id. */
export function macOf(id: string): string {
  const bytes = createHash("sha256").update(`banger mac ${id}`).digest().subarray(0, 5);
  return ["02", ...Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))].join(":");
}
