/** What must be told to `ip -batch -` (ip(8)) so that the interfaces are as wanted; nothing when they are. Pure. */
import { type BridgeSpec, bridgeName, macOf, tapName, tapPrefix } from "../model/bridge.ts";
import { HelperError } from "./helper-error.ts";
import type { Link } from "./links.ts";
import type { WantedTap } from "./wanted.ts";

/**
 * A port that drops all that is sent to it: with it the bridge has a carrier also while no VM runs. systemd-resolved asks no interface
 * without one, and a query for `.vm` would go to the resolvers of the internet.
 */
export const carrierName = "banger-carrier";

/** Kinds of interfaces that drop what is sent to them; the second where a kernel has no first. */
export const carrierKinds = ["dummy", "ifb"] as const;

/**
 * The bridge with its address. Its MAC address is given as it is made: else it would be its lowest port's, guests would know another one
 * after each change, and udev would set its own.
 * @throws HelperError when another kind of interface has its name
 */
export function bridgePlan(links: readonly Link[], bridge: BridgeSpec): string[] {
  const found = links.find(({ name }) => name === bridgeName);
  if (found && found.kind !== "bridge") throw inTheWay(found);
  const address = `${bridge.address}/${bridge.prefix}`;
  const mac = macOf(bridgeName);
  const { addresses, isUp, mac: has } = found ?? { addresses: [] as string[], isUp: false, mac };
  return [
    ...(found ? [] : [`link add name ${bridgeName} address ${mac} type bridge mcast_snooping 0`, noIpv6(bridgeName)]),
    ...(has === mac ? [] : [`link set dev ${bridgeName} address ${mac}`]),
    ...addresses.filter((one) => one !== address).map((one) => `address del ${one} dev ${bridgeName}`),
    ...(addresses.includes(address) ? [] : [`address add ${address} dev ${bridgeName}`]),
    ...upPlan(bridgeName, isUp),
  ];
}

/** The carrier, which is there by now, as a port of the bridge. */
export function carrierPlan(links: readonly Link[]): string[] {
  const found = links.find(({ name }) => name === carrierName);
  if (found && !carrierKinds.some((kind) => kind === found.kind)) throw inTheWay(found);
  return [
    ...(found ? [] : [noIpv6(carrierName)]),
    ...masterPlan(carrierName, found),
    ...upPlan(carrierName, found?.isUp ?? false),
  ];
}

/**
 * A VM's TAP interface, which `owner` may open without any privilege.
 * @throws HelperError when another kind of interface has its name
 */
export function tapPlan(links: readonly Link[], tap: WantedTap, owner: number): string[] {
  const name = tapName(tap.vm);
  const found = links.find((link) => link.name === name);
  if (found && found.kind !== "tun") throw inTheWay(found);
  const isolation = found?.master === bridgeName ? found.isIsolated : false;
  return [
    ...(found ? [] : [`tuntap add dev ${name} mode tap user ${owner}`, noIpv6(name)]),
    ...masterPlan(name, found),
    ...(isolation === tap.isolated
      ? []
      : [`link set dev ${name} type bridge_slave isolated ${tap.isolated ? "on" : "off"}`]),
    ...upPlan(name, found?.isUp ?? false),
  ];
}

/** Removes what is ours: TAP interfaces, carrier and bridge, in this order. */
export function removalPlan(links: readonly Link[]): string[] {
  const isOurs = ({ name, kind }: Link) =>
    (kind === "tun" && name.startsWith(tapPrefix)) ||
    (name === carrierName && carrierKinds.some((one) => one === kind)) ||
    (name === bridgeName && kind === "bridge");
  const rank = ({ name }: Link) => (name === bridgeName ? 2 : name === carrierName ? 1 : 0);
  return links
    .filter(isOurs)
    .sort((a, b) => rank(a) - rank(b))
    .map(({ name }) => `link del dev ${name}`);
}

function masterPlan(name: string, found: Link | undefined): string[] {
  return found?.master === bridgeName ? [] : [`link set dev ${name} master ${bridgeName}`];
}

function upPlan(name: string, isUp: boolean): string[] {
  return isUp ? [] : [`link set dev ${name} up`];
}

/** no link-local address, so no IPv6 at all on it */
function noIpv6(name: string): string {
  return `link set dev ${name} addrgenmode none`;
}

function inTheWay({ name, kind }: Link): HelperError {
  return new HelperError("failed", `an interface of the kind ${kind || "hardware"} has the name ${name}`);
}
