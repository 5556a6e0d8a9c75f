/** A VM's network: what it hangs on, and what is out of the guest's reach. Pure. */
import { formatCidr, networkOf, parseCidr } from "../base/ipv4.ts";
import { nearest, stripControl } from "../base/text.ts";

/** What the guest's network hangs on: `user` is passt (rootless), `none` is no device at all. */
export const networkKinds = ["user", "none"] as const;
export type NetworkKind = (typeof networkKinds)[number];

export type NetworkSpec = {
  kind: NetworkKind;
  /** IPv4 networks as `10.0.0.0/8`, and the word `lan`: what the guest must not reach, in the order in which it was named */
  deny: readonly string[];
};

/** What a request says about it; the config decides the rest. */
export type NetworkRequest = Partial<NetworkSpec>;

/** the host's own addresses, the networks that it is attached to, and every private network */
export const lan = "lan";

/** how many entries a `deny` list may have */
export const maxDeny = 64;

/** A `deny` entry in its normal form: an address becomes a network. Null: see `denyProblem`. */
export function parseDeny(text: string): string | null {
  if (text === lan) return lan;
  const parsed = parseCidr(text);
  if (parsed === null) return null;
  const network = networkOf(parsed);
  return network.address === parsed.address ? formatCidr(network) : null;
}

/** What is wrong with an entry that `parseDeny` refuses, to be read after the entry. */
export function denyProblem(text: string): string {
  const parsed = parseCidr(text);
  if (parsed !== null) return `has bits after its prefix: it should be ${formatCidr(networkOf(parsed))}`;
  if (text.includes(":")) return "is IPv6, which guests don't have";
  const meant = nearest(text, [lan]);
  const advice = meant === undefined ? "" : `; did you mean "${meant}"?`;
  return `is not an IPv4 network as "10.0.0.0/8", an address, or "lan"${advice}`;
}

/** The same with the entry. */
export function namedDenyProblem(text: string): string {
  return `"${stripControl(text).slice(0, 80)}" ${denyProblem(text)}`;
}

/** What the user asked for, over the config: what either denies is denied. */
export function decideNetwork(asked: NetworkRequest, config: NetworkSpec): NetworkSpec {
  return { kind: asked.kind ?? config.kind, deny: [...new Set([...config.deny, ...(asked.deny ?? [])])] };
}

/** `user`, `user, without 10.0.0.0/8 and lan` */
export function describeNetwork({ kind, deny }: NetworkSpec): string {
  if (kind === "none" || deny.length === 0) return kind;
  const last = deny.at(-1) ?? "";
  const listed = deny.length === 1 ? last : `${deny.slice(0, -1).join(", ")} and ${last}`;
  return `${kind}, without ${listed}`;
}

/** Whether two VMs' guests reach the same. */
export function reachesSame(one: NetworkSpec, other: NetworkSpec): boolean {
  return one.kind === other.kind && JSON.stringify(one.deny) === JSON.stringify(other.deny);
}
