/** What is at a name: the zone `vm`, and those of the VMs' addresses (RFC 1035, RFC 1912). Pure. */
import { isInNetwork, parseIpv4 } from "../../base/ipv4.ts";
import { isVmName } from "../../base/names.ts";
import { zoneBytes } from "../../base/reverse-zone.ts";
import { probeLabel, vmZone } from "../../model/bridge.ts";
import { type DnsRecord, type DomainName, lowerCase, type RecordData, type Soa } from "../../wire/dns/message.ts";

/** This host's address, at which it answers, and with the prefix the network of VMs' addresses: of the bridge, or of loopback. */
export type DnsNetwork = { address: string; prefix: number };

/** The VMs with an address in that network as they are now. Asked at each query, so that a VM has its name from when it is made until it is deleted. */
export type VmNames = {
  /** as `172.16.0.5`; null: no such VM has that name */
  addressOf(name: string): string | null;
  nameOf(address: string): string | null;
};

/** `records`: null when the name does not exist; empty when only names below it can. */
export type Place = { zone: DomainName; records: readonly DnsRecord[] | null };

/** The zone of VMs' names is also the name of this host in it: a zone's server must have a host name, and no VM can have this one. */
const zoneName = vmZone;

/**
 * How long a resolver may keep an answer, or that there is none, in `s`: not at all. So the next query sees that a VM was
 * made, renamed or deleted, and asking again takes no network.
 */
const ttl = 0;

/** Nobody copies the zone, so that these say nothing; they are what RFC 1912 has for one that does not change. */
const soa: Soa = {
  server: [zoneName],
  mailbox: ["hostmaster", zoneName],
  serial: 1,
  refresh: 86_400,
  retry: 7200,
  expire: 3_600_000,
  minimum: ttl,
};

/** Null: the name is in none of our zones. @param asked as it was sent: the records have its spelling */
export function placeOf(asked: DomainName, network: DnsNetwork, names: VmNames): Place | null {
  const name = lowerCase(asked);
  if (name.at(-1) === zoneName) return vmPlace(asked, name, network, names);
  return name.at(-1) === "arpa" && name.at(-2) === "in-addr" ? reversePlace(asked, name, network, names) : null;
}

/** The SOA record of a zone. @param zone in the spelling of the question */
export function soaOf(zone: DomainName): DnsRecord {
  return { name: zone, ttl, data: { type: "SOA", soa } };
}

function vmPlace(asked: DomainName, name: DomainName, network: DnsNetwork, names: VmNames): Place {
  const zone = asked.slice(-1);
  const [first = "", ...rest] = name;
  if (rest.length === 0) return { zone, records: [...apex(zone), ...addresses(asked, network.address)] };
  const address = rest.length === 1 ? addressAt(first, network, names) : null;
  return { zone, records: address === null ? null : addresses(asked, address) };
}

function addressAt(label: string, network: DnsNetwork, names: VmNames): string | null {
  if (label === probeLabel) return network.address;
  return isVmName(label) ? names.addressOf(label) : null;
}

/** `5.0.16.172.in-addr.arpa`: an address with its bytes in reverse, or the beginning of one. */
function reversePlace(asked: DomainName, name: DomainName, network: DnsNetwork, names: VmNames): Place | null {
  const bytes = name.slice(0, -2).reverse();
  const length = zoneBytes(network.prefix);
  if (!isInside(bytes.slice(0, length), length, network)) return null;
  const zone = asked.slice(-2 - length);
  const own = bytes.length === length ? apex(zone) : [];
  const address = bytes.length === 4 ? bytes.join(".") : null;
  if (address === null) return { zone, records: areBytes(bytes) && bytes.length < 4 ? own : null };
  const found = addressName(address, network, names);
  const records = [...own, ...(found === null ? [] : [record(asked, { type: "PTR", name: found })])];
  return { zone, records: records.length === 0 ? null : records };
}

function addressName(address: string, network: DnsNetwork, names: VmNames): DomainName | null {
  if (address === network.address) return [zoneName];
  const name = parseIpv4(address) === null ? null : names.nameOf(address);
  return name === null ? null : [name, zoneName];
}

/** Whether all addresses that begin so are in the network. */
function isInside(bytes: readonly string[], length: number, { address, prefix }: DnsNetwork): boolean {
  const first = bytes.length === length ? parseIpv4([...bytes, "0", "0", "0"].slice(0, 4).join(".")) : null;
  const own = parseIpv4(address);
  return first !== null && own !== null && isInNetwork(first, { address: own, prefix });
}

function areBytes(bytes: readonly string[]): boolean {
  return bytes.every((byte) => /^(?:0|[1-9]\d{0,2})$/.test(byte) && Number(byte) <= 255);
}

function apex(zone: DomainName): DnsRecord[] {
  return [soaOf(zone), record(zone, { type: "NS", name: [zoneName] })];
}

function addresses(name: DomainName, address: string): DnsRecord[] {
  const number = parseIpv4(address);
  return number === null ? [] : [record(name, { type: "A", address: number })];
}

function record(name: DomainName, data: RecordData): DnsRecord {
  return { name, ttl, data };
}
