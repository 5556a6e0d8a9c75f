/** What a guest on the bridge gets to know, and what it can't reach. Pure. */
import { isInNetwork, parseCidr } from "../base/ipv4.ts";
import type { VmId } from "../base/names.ts";
import { type BridgeSpec, macOf } from "../model/bridge.ts";
import type { GuestNetwork } from "../model/network.ts";
import { parseResolvConf } from "./plan.ts";

/** A guest's resolver asks three servers at most (MAXNS of resolv.conf(5)): the first is the bridge's, which answers for `.vm` alone. */
const maxUpstream = 2;

/**
 * The host's resolvers that a guest can ask itself, best first, and the host's search domains.
 * @param resolvConfs texts of resolv.conf files, the best first: the first one counts that names a server off the host
 */
export function hostResolvers(
  resolvConfs: readonly string[],
  bridge: BridgeSpec,
): { servers: string[]; search: string[] } {
  const read = resolvConfs.map(parseResolvConf);
  const servers = read.map((one) => one.servers.filter((server) => isElsewhere(server, bridge)));
  const upstream = servers.find((list) => list.length > 0) ?? [];
  return { servers: upstream.slice(0, maxUpstream), search: read[0]?.search ?? [] };
}

function isElsewhere(server: string, { address }: BridgeSpec): boolean {
  return !server.startsWith("127.") && !server.startsWith("0.") && server !== address;
}

/** @param address the guest's @param resolvers of the host */
export function bridgeIdentity(
  id: VmId,
  address: string,
  bridge: BridgeSpec,
  resolvers: ReturnType<typeof hostResolvers>,
): GuestNetwork {
  return {
    address,
    prefix: bridge.prefix,
    gateway: bridge.address,
    mac: macOf(id),
    dns: [bridge.address, ...resolvers.servers],
    search: resolvers.search,
  };
}

/** Why names outside of `.vm` are not resolved in the guest, for the user; undefined: they are. @param denied networks */
export function resolverProblem(servers: readonly string[], denied: readonly string[]): string | undefined {
  if (servers.length === 0)
    return "the host's resolver listens on its loopback alone, where guests on the bridge can't reach it: names outside of .vm are not resolved in the guest";
  const hidden = servers.filter((server) => denied.some((network) => contains(network, server)));
  if (hidden.length < servers.length) return undefined;
  return `the guest can't reach the host's resolver (${hidden.join(", ")}), as it is denied: names outside of .vm are not resolved in the guest`;
}

/** The same addresses in fewer networks: those within another one of the list are left out. */
export function withoutCovered(networks: readonly string[]): string[] {
  const unique = [...new Set(networks)];
  return unique.filter((network) => !unique.some((other) => other !== network && contains(other, network)));
}

function contains(network: string, inner: string): boolean {
  const [outer, within] = [parseCidr(network), parseCidr(inner)];
  if (outer === null || within === null || within.prefix < outer.prefix) return false;
  return isInNetwork(within.address, outer);
}
