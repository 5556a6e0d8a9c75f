/** What a guest says of its listeners, read as a stranger's word. Pure. */
import { parseIpv4 } from "../../base/ipv4.ts";
import { integerOf, recordOf } from "../../base/untrusted-json.ts";
import type { Json } from "../../wire/agent/types.ts";

/** members of one event that are looked at; the agent reports at most 300 */
export const maxListeners = 300;

/** A guest's listening ports, each with the addresses in the guest at which it is dialled, best first. */
export type Listening = ReadonlyMap<number, readonly string[]>;

/** Members that are not `{"address":…,"port":…}` are passed over. */
export function listeningOf(event: Json): Listening {
  const all = new Map<number, string[]>();
  const listen = event["listen"];
  for (const member of Array.isArray(listen) ? listen.slice(0, maxListeners) : []) {
    const one = recordOf(member);
    const port = integerOf(one?.["port"], 1, 65_535);
    const address = one?.["address"];
    if (port === null || typeof address !== "string" || !isAddress(address)) continue;
    all.set(port, [...(all.get(port) ?? []), address]);
  }
  return new Map([...all].map(([port, addresses]) => [port, targetsOf(addresses)]));
}

/** An IPv6 address is the agent's to parse; these are the characters of one. */
function isAddress(text: string): boolean {
  return parseIpv4(text) !== null || (/^[0-9a-f:.]{2,45}$/.test(text) && text.includes(":"));
}

const loopback4 = "127.0.0.1";
const loopback6 = "::1";

/**
 * Where to dial a port with these listeners. A wildcard is reached over the loopback: `::` takes IPv4 too unless it is bound with
 * IPV6_V6ONLY (ipv6(7)), which is not seen, so IPv4 is tried before IPv6. The loopback comes before other addresses.
 */
export function targetsOf(addresses: readonly string[]): string[] {
  const has = (address: string) => addresses.includes(address);
  const targets = [
    ...(has("0.0.0.0") || has(loopback4) || has("::") ? [loopback4] : []),
    ...(has("::") || has(loopback6) ? [loopback6] : []),
    ...addresses.filter((address) => address.startsWith("127.")),
    ...addresses.filter((address) => address !== "0.0.0.0" && address !== "::"),
  ];
  return [...new Set(targets)].slice(0, 4);
}
