/** IPv4 addresses and networks as text. Pure. */

export type Ipv4Network = {
  /** the first address, as an unsigned number */
  address: number;
  /** 0 to 32 */
  prefix: number;
};

/** Null unless the text is four decimal numbers up to 255, without leading zeros (which some programs read as octal). */
export function parseIpv4(text: string): number | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return null;
  return parts.reduce((address, part) => address * 256 + Number(part), 0);
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** `10.1.2.3/8`, with any bits after the prefix; a single address is a network with prefix 32. */
export function parseCidr(text: string): Ipv4Network | null {
  const [host = "", length = "32", ...rest] = text.split("/");
  const address = parseIpv4(host);
  if (address === null || rest.length > 0 || !/^(?:\d|[12]\d|3[0-2])$/.test(length)) return null;
  return { address, prefix: Number(length) };
}

/** The network that an address is in. */
export function networkOf({ address, prefix }: Ipv4Network): Ipv4Network {
  const mask = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  return { address: (address & mask) >>> 0, prefix };
}

/** @param network its address may have bits after the prefix */
export function isInNetwork(address: number, network: Ipv4Network): boolean {
  return networkOf({ address, prefix: network.prefix }).address === networkOf(network).address;
}

/** The addresses of a network without its own and the one for broadcasts, as unsigned numbers. */
export function hostsOf(network: Ipv4Network): { first: number; last: number } {
  const { address } = networkOf(network);
  return { first: address + 1, last: address + 2 ** (32 - network.prefix) - 2 };
}

/** Whether a host can have the address in its network. */
export function isHostAddress(of: Ipv4Network): boolean {
  const { first, last } = hostsOf(of);
  return of.address >= first && of.address <= last;
}

/** RFC 1918: no address of the internet is in them. */
export const privateNetworks: readonly string[] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/** Whether the address is in one of `privateNetworks`. */
export function isPrivate(address: number): boolean {
  return privateNetworks.some((text) => {
    const network = parseCidr(text);
    return network !== null && isInNetwork(address, network);
  });
}

/** `10.0.0.0/8` */
export function formatCidr({ address, prefix }: Ipv4Network): string {
  return `${formatIpv4(address)}/${prefix}`;
}
