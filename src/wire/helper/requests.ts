/**
 * Reads a request to the root helper, which runs as root and trusts no caller: every field must be there, of its type and within its
 * limits, and there may be no other. By hand, without a schema library, so that a reviewer can read all of it.
 */
import { formatCidr, formatIpv4, isHostAddress, isPrivate, networkOf, parseCidr, parseIpv4 } from "../../base/ipv4.ts";
import { isVmId, type VmId } from "../../base/names.ts";
import { integerOf, recordOf } from "../../base/untrusted-json.ts";
import type { HelperRequest, HelperVerb } from "./verbs.ts";
import { maxDenied } from "./verbs.ts";

export type ReadRequest = { id: number; request: HelperRequest } | { id: number; problem: string };

/** prefixes that a bridge's network may have: 13 addresses at the least, 65,533 at the most */
const [shortestPrefix, longestPrefix] = [16, 28];

type Fields = Record<string, unknown>;
type Reader = (fields: Fields) => HelperRequest | { problem: string };

/** The fields of each verb besides `id` and `verb`, and what makes a request of them. */
const verbs: Record<HelperVerb, { fields: readonly string[]; read: Reader }> = {
  "bridge.ensure": { fields: ["address", "prefix"], read: readBridge },
  "nat.ensure": { fields: [], read: () => ({ verb: "nat.ensure" }) },
  "tap.create": { fields: ["vm", "address", "isolated", "deny"], read: readTap },
  "tap.delete": { fields: ["vm"], read: readTapDelete },
  "resolver.route": { fields: [], read: () => ({ verb: "resolver.route" }) },
  "resolver.unroute": { fields: [], read: () => ({ verb: "resolver.unroute" }) },
  status: { fields: [], read: () => ({ verb: "status" }) },
};

/** @returns null when not even its id can be read: there is nothing to answer to */
export function readRequest(value: unknown): ReadRequest | null {
  const found = recordOf(value);
  const id = integerOf(found?.["id"], 0, Number.MAX_SAFE_INTEGER);
  if (!found || id === null) return null;
  const { id: _, verb, ...fields } = found;
  if (typeof verb !== "string" || !Object.hasOwn(verbs, verb)) return { id, problem: "there is no such verb" };
  const known = verbs[verb as HelperVerb];
  const unknown = Object.keys(fields).find((name) => !known.fields.includes(name));
  if (unknown !== undefined) return { id, problem: `${verb} has no field ${JSON.stringify(unknown.slice(0, 40))}` };
  const missing = known.fields.find((name) => !Object.hasOwn(fields, name));
  if (missing !== undefined) return { id, problem: `${verb} lacks the field ${missing}` };
  const read = known.read(fields);
  return "problem" in read ? { id, problem: `${verb}: ${read.problem}` } : { id, request: read };
}

function readBridge({ address, prefix }: Fields): ReturnType<Reader> {
  const bits = integerOf(prefix, shortestPrefix, longestPrefix);
  if (bits === null) return { problem: `the prefix must be ${shortestPrefix} to ${longestPrefix}` };
  const host = ipv4Of(address);
  if (host === null || !isPrivate(host)) return { problem: "the address must be a private IPv4 address: RFC 1918" };
  if (!isHostAddress({ address: host, prefix: bits }))
    return { problem: "the address is the network's own or its broadcast address" };
  return { verb: "bridge.ensure", address: formatIpv4(host), prefix: bits };
}

function readTap({ vm, address, isolated, deny }: Fields): ReturnType<Reader> {
  const id = vmIdOf(vm);
  const host = ipv4Of(address);
  if (id === null) return notAnId;
  if (host === null) return { problem: "the address must be an IPv4 address" };
  if (typeof isolated !== "boolean") return { problem: "isolated must be true or false" };
  if (!Array.isArray(deny) || deny.length > maxDenied)
    return { problem: `deny must be a list of at most ${maxDenied} networks` };
  const networks = deny.map((entry) => (typeof entry === "string" ? parseCidr(entry) : null));
  const denied = networks.flatMap((network) => (network ? [formatCidr(networkOf(network))] : []));
  if (denied.length < networks.length) return { problem: "deny must have networks such as 10.0.0.0/8" };
  return { verb: "tap.create", vm: id, address: formatIpv4(host), isolated, deny: denied };
}

function readTapDelete({ vm }: Fields): ReturnType<Reader> {
  const id = vmIdOf(vm);
  return id === null ? notAnId : { verb: "tap.delete", vm: id };
}

const notAnId = { problem: "vm must be a VM's id: 8 characters of a-z and 0-9" };

function vmIdOf(value: unknown): VmId | null {
  return typeof value === "string" && isVmId(value) ? value : null;
}

function ipv4Of(value: unknown): number | null {
  return typeof value === "string" ? parseIpv4(value) : null;
}
