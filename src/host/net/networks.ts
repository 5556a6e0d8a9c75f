/** The IPv4 networks that the host is attached to, and its own addresses, from the kernel's routing tables: proc_net(5). */
import { formatCidr, formatIpv4 } from "../../base/ipv4.ts";
import { readText } from "../files/files.ts";

/** a router's tables can be long; in bytes */
const maxBytes = 8 * 1024 * 1024;

/** A route for more than this many addresses leads to the internet (through a tunnel, as two halves), not to a local network. */
const shortestPrefix = 8;

const up = 0x1;
const throughGateway = 0x2;
const reject = 0x200;

/**
 * Networks that are reached without a gateway, and each of the host's own addresses as a network of one, without loopback.
 * @param folder another network namespace's: `/proc/PID/net`
 * @throws when the kernel's tables can't be read
 */
export async function hostNetworks(folder = "/proc/self/net"): Promise<string[]> {
  const read = (name: string) => readText(`${folder}/${name}`, maxBytes);
  const [routes, trie] = await Promise.all([read("route"), read("fib_trie")]);
  return [...new Set([...attachedNetworks(routes), ...localAddresses(trie)])];
}

/** @param text of `route`: a header, then device, destination, gateway, flags, …, mask as the eighth; addresses in the CPU's byte order */
export function attachedNetworks(text: string): string[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, destination = "", , flags = "", , , , mask = ""] = line.split("\t").map((field) => field.trim());
      const bits = Number.parseInt(flags, 16);
      const prefix = prefixOf(addressOf(mask));
      const isAttached = (bits & (up | throughGateway | reject)) === up;
      if (!isAttached || prefix < shortestPrefix) return [];
      return [formatCidr({ address: addressOf(destination), prefix })];
    });
}

/** @param text of `fib_trie`: a line with an address, and a line for each of its routes */
export function localAddresses(text: string): string[] {
  const found = new Set<string>();
  let address = "";
  for (const line of text.split("\n")) {
    address = /^\s*\|-- (\d[\d.]*)$/.exec(line)?.[1] ?? address;
    if (/^\s*\/32 host LOCAL$/.test(line) && !address.startsWith("127.")) found.add(`${address}/32`);
  }
  return [...found];
}

/** The tables are in the byte order of a little-endian CPU. */
function addressOf(hex: string): number {
  return /^[0-9A-F]{8}$/.test(hex) ? Buffer.from(hex, "hex").readUInt32LE() : 0;
}

function prefixOf(mask: number): number {
  return formatIpv4(mask)
    .split(".")
    .reduce((bits, part) => bits + Number(part).toString(2).replaceAll("0", "").length, 0);
}
