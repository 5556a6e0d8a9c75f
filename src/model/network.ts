/** A VM's network: its kind, and what the guest can't reach. Pure. */
import { fail } from "../base/errors/error.ts";
import { formatCidr, networkOf, parseCidr } from "../base/ipv4.ts";
import { nearest, stripControl } from "../base/text.ts";
import type { BridgeSpec } from "./bridge.ts";

/** `user` is passt (rootless); `bridge` is a TAP interface on system mode's bridge; `none` is no network device. */
export const networkKinds = ["user", "bridge", "none"] as const;
export type NetworkKind = (typeof networkKinds)[number];

export type NetworkSpec = {
  kind: NetworkKind;
  /** IPv4 networks such as `10.0.0.0/8`, and the word `lan`: what the guest must not reach, in the order given */
  deny: readonly string[];
};

/** The guest's side of its network, as the agent sets it: the `network` of its `identity` verb. */
export type GuestNetwork = {
  address: string;
  prefix: number;
  gateway: string;
  /**
   * limit of TCP's receive windows on the default route, in bytes; absent: the kernel's own, or recorded by a banger whose agents had one
   * limit for all
   */
  window?: number;
  mac: string;
  dns: string[];
  search: string[];
};

/** The part that a request sets; the config decides the rest. */
export type NetworkRequest = Partial<NetworkSpec>;

/** What the config says of networks. */
export type NetworkConfig = {
  /** null: it does not say */
  kind: NetworkKind | null;
  deny: readonly string[];
  /** VMs on the bridge can't reach each other */
  isolate: boolean;
  bridge: BridgeSpec;
};

/** Where VMs get their networks: of the user's own daemon, or of system mode. */
export type NetworkMode = "rootless" | "system";

/** the host's own addresses, its attached networks, and every private network */
export const lan = "lan";

/** the most entries of a `deny` list */
export const maxDeny = 64;

/** A `deny` entry in its normal form: an address becomes a network. Null: invalid, see `denyProblem`. */
export function parseDeny(text: string): string | null {
  if (text === lan) return lan;
  const parsed = parseCidr(text);
  if (parsed === null) return null;
  const network = networkOf(parsed);
  return network.address === parsed.address ? formatCidr(network) : null;
}

/** Why `parseDeny` refuses an entry, worded to follow the entry. */
export function denyProblem(text: string): string {
  const parsed = parseCidr(text);
  if (parsed !== null) return `has bits after its prefix: it should be ${formatCidr(networkOf(parsed))}`;
  if (text.includes(":")) return "is IPv6, which guests don't have";
  const meant = nearest(text, [lan]);
  const advice = meant === undefined ? "" : `; did you mean "${meant}"?`;
  return `is not an IPv4 network such as "10.0.0.0/8", an address, or "lan"${advice}`;
}

/** `denyProblem` with the entry in front. */
export function namedDenyProblem(text: string): string {
  return `"${stripControl(text).slice(0, 80)}" ${denyProblem(text)}`;
}

/**
 * Merges the user's request and the config: a network that either denies is denied.
 * @throws NETWORK_NEEDS_SYSTEM for a bridge without system mode
 */
export function decideNetwork(
  asked: NetworkRequest,
  config: Pick<NetworkConfig, "kind" | "deny">,
  mode: NetworkMode,
): NetworkSpec {
  const kind = asked.kind ?? config.kind ?? (mode === "system" ? "bridge" : "user");
  if (kind === "bridge" && mode === "rootless") throw fail("NETWORK_NEEDS_SYSTEM", { kind });
  return { kind, deny: [...new Set([...config.deny, ...(asked.deny ?? [])])] };
}

/** `user`, `user, without 10.0.0.0/8 and lan` */
export function describeNetwork({ kind, deny }: NetworkSpec): string {
  if (kind === "none" || deny.length === 0) return kind;
  const last = deny.at(-1) ?? "";
  const listed = deny.length === 1 ? last : `${deny.slice(0, -1).join(", ")} and ${last}`;
  return `${kind}, without ${listed}`;
}

/** Whether guests of two VMs can reach the same. */
export function reachesSame(one: NetworkSpec, other: NetworkSpec): boolean {
  return one.kind === other.kind && JSON.stringify(one.deny) === JSON.stringify(other.deny);
}
