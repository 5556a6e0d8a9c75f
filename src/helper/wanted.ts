/** The network that the helper keeps: what it was asked for, in memory only. Everything on the host is derived from it. Pure. */
import { formatCidr, isHostAddress, isInNetwork, networkOf, parseIpv4 } from "../base/ipv4.ts";
import type { VmId } from "../base/names.ts";
import { type BridgeSpec, bridgeNetwork } from "../model/bridge.ts";

/** a VM's TAP interface; names and MAC address follow from the id */
export type WantedTap = {
  vm: VmId;
  address: string;
  isolated: boolean;
  /** networks out of its reach, as `10.0.0.0/8` or `10.0.0.0-10.0.0.9` */
  deny: readonly string[];
};

export type Wanted = {
  /** null: nothing of the network is wanted */
  bridge: BridgeSpec | null;
  nat: boolean;
  /** sorted by the VMs' ids */
  taps: readonly WantedTap[];
};

export const nothingWanted: Wanted = { bridge: null, nat: false, taps: [] };

/** In place of the VM's earlier one, if there is one. */
export function withTap(wanted: Wanted, tap: WantedTap): Wanted {
  const taps = [...withoutTap(wanted, tap.vm).taps, tap].sort((a, b) => (a.vm < b.vm ? -1 : 1));
  return { ...wanted, taps };
}

export function withoutTap(wanted: Wanted, vm: VmId): Wanted {
  return { ...wanted, taps: wanted.taps.filter((tap) => tap.vm !== vm) };
}

/** The bridge's network as `172.16.0.0/24`. */
export function networkText(bridge: BridgeSpec): string {
  return formatCidr(networkOf(bridgeNetwork(bridge)));
}

/** Why a VM can't have that address; null: it can. */
export function addressProblem({ bridge, taps }: Wanted, tap: Pick<WantedTap, "vm" | "address">): string | null {
  if (!bridge) return "there is no bridge yet: bridge.ensure comes first";
  const address = parseIpv4(tap.address) ?? 0;
  if (!isInNetwork(address, bridgeNetwork(bridge))) return `${tap.address} is not in ${networkText(bridge)}`;
  if (!isHostAddress({ address, prefix: bridge.prefix }) || tap.address === bridge.address)
    return `${tap.address} is not a guest's address in ${networkText(bridge)}`;
  const other = taps.find((one) => one.address === tap.address && one.vm !== tap.vm);
  return other ? `${tap.address} is the address of the VM ${other.vm}` : null;
}
