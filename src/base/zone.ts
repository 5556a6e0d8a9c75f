/**
 * Zones of IP addresses, by who can be behind them (IANA's special-purpose address registries, RFC 6890). Pure.
 * A URL named by a server must not lead to machines that only this host can reach, unless the server is one of them.
 */
import { trimEndOf } from "./trim.ts";

/** `reserved`: multicast, broadcast, and anything that is not an address. */
export type Zone = "public" | "private" | "link-local" | "loopback" | "reserved";

/** @param address as the resolver returns it: dotted IPv4, or IPv6, possibly with a zone id */
export function zoneOfAddress(address: string): Zone {
  const plain = address.replace(/%.*$/, "");
  const v4 = ipv4(plain);
  if (v4) return zoneOfV4(v4);
  const v6 = ipv6(plain);
  return v6 ? zoneOfV6(v6) : "reserved";
}

/**
 * The zone of a URL's host if the name alone decides it: an address, or a name of this machine. Null: it has to be resolved.
 * @param hostname of a parsed URL, so that `0x7f.1` is already `127.0.0.1`
 */
export function zoneOfHost(hostname: string): Zone | null {
  const name = trimEndOf(hostname.toLowerCase(), ".");
  if (name === "") return "reserved";
  if (name.startsWith("[")) return zoneOfAddress(name.slice(1, -1));
  if (ipv4(name)) return zoneOfAddress(name);
  return ownNames.has(name) || name.endsWith(".localhost") ? "loopback" : null;
}

/** Whether a server in zone `from` may name one in zone `to`. */
export function mayName(from: Zone, to: Zone): boolean {
  return to === "public" || to === from;
}

/** For messages: "ADDRESS, which is …". */
export function describeZone(zone: Zone): string {
  return zoneWords[zone];
}

const zoneWords: Record<Zone, string> = {
  public: "a public address",
  private: "in a private network",
  "link-local": "a link-local address",
  loopback: "this machine",
  reserved: "not the address of a server",
};

const ownNames = new Set(["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"]);

/**
 * Metadata services, which give out a cloud host's credentials, outside the link-local networks. The whole list, which `netguard`'s
 * tests use too, is `protocol/metadata-addresses.json`.
 */
export const v4Metadata: readonly string[] = ["100.100.100.200", "168.63.129.16", "192.0.0.192"];
const v6Metadata = ["fd00:ec2::254", "fd20:ce::254"];

/** The first match decides. */
const v4Zones: [network: string, bits: number, zone: Zone][] = [
  // Linux connects 0.0.0.0 to this host
  ["0.0.0.0", 8, "loopback"],
  ["127.0.0.0", 8, "loopback"],
  ...v4Metadata.map((address): [string, number, Zone] => [address, 32, "link-local"]),
  ["10.0.0.0", 8, "private"],
  ["172.16.0.0", 12, "private"],
  ["192.168.0.0", 16, "private"],
  // a provider's shared addresses (RFC 6598), protocol assignments (RFC 6890), benchmarks (RFC 2544)
  ["100.64.0.0", 10, "private"],
  ["192.0.0.0", 24, "private"],
  ["198.18.0.0", 15, "private"],
  // the metadata services of clouds are here too
  ["169.254.0.0", 16, "link-local"],
  ["224.0.0.0", 3, "reserved"],
];

const v6Zones: [network: string, bits: number, zone: Zone][] = [
  ["::1", 128, "loopback"],
  ...v6Metadata.map((address): [string, number, Zone] => [address, 128, "link-local"]),
  ["fc00::", 7, "private"],
  ["fec0::", 10, "private"],
  ["fe80::", 10, "link-local"],
  // local-use NAT64 (RFC 8215) and Teredo: the address does not tell what is behind them
  ["64:ff9b:1::", 48, "private"],
  ["2001::", 32, "private"],
  ["100::", 64, "reserved"],
  ["ff00::", 8, "reserved"],
];

/** Networks whose addresses embed an IPv4 address, starting at that byte. */
const embedding: [network: string, bits: number, at: number][] = [
  ["::", 96, 12],
  ["::ffff:0:0", 96, 12],
  ["::ffff:0:0:0", 96, 12],
  ["64:ff9b::", 96, 12],
  ["2002::", 16, 2],
];

function zoneOfV4(bytes: number[]): Zone {
  return v4Zones.find(([network, bits]) => isIn(bytes, ipv4(network), bits))?.[2] ?? "public";
}

function zoneOfV6(bytes: number[]): Zone {
  const zone = v6Zones.find(([network, bits]) => isIn(bytes, ipv6(network), bits))?.[2];
  if (zone) return zone;
  const embedded = embedding.find(([network, bits]) => isIn(bytes, ipv6(network), bits));
  return embedded ? zoneOfV4(bytes.slice(embedded[2], embedded[2] + 4)) : "public";
}

function isIn(bytes: number[], network: number[] | null, bits: number): boolean {
  return bytes.every((byte, i) => {
    const left = Math.min(8, Math.max(0, bits - i * 8));
    return (byte ^ (network?.[i] ?? 0)) >> (8 - left) === 0;
  });
}

function ipv4(text: string): number[] | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const bytes = match?.slice(1).map(Number) ?? [];
  return bytes.length === 4 && bytes.every((byte) => byte <= 255) ? bytes : null;
}

/** The 16 bytes; the URL parser handles every spelling. */
function ipv6(text: string): number[] | null {
  if (!/^[0-9a-f:.]+$/i.test(text) || !URL.canParse(`http://[${text}]/`)) return null;
  const [head = "", tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros = Array<number>(8 - before.length - after.length).fill(0);
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 255]);
}
