/** Ethernet frames in hex, as a guest's kernel would never send them. */

export type End = { mac: string; address: string };

export const everyone = "ff:ff:ff:ff:ff:ff";

const bare = (mac: string) => mac.replaceAll(":", "");
const hex = (value: number, bytes: number) => value.toString(16).padStart(2 * bytes, "0");
const ip = (address: string) =>
  address
    .split(".")
    .map((part) => hex(Number(part), 1))
    .join("");

/** @param type in hex, with what comes before the payload: `8100000a0800` for a VLAN tag */
export function ethernet(from: string, to: string, type: string, payload: string): string {
  return `${bare(to)}${bare(from)}${type}${payload}`;
}

/** An ARP answer: "`claimed` has the MAC address of `from`". RFC 826 */
export function arpAnswer(from: { mac: string; says?: string; claimed: string }, to: End): string {
  const head = "0001080006040002";
  return ethernet(
    from.mac,
    to.mac,
    "0806",
    `${head}${bare(from.says ?? from.mac)}${ip(from.claimed)}${bare(to.mac)}${ip(to.address)}`,
  );
}

/** A UDP datagram in IPv4, without a UDP checksum. RFC 768, RFC 791 */
export function udp(
  from: string,
  to: string,
  ports: [source: number, destination: number],
  payload: string | Uint8Array,
): string {
  const data = Buffer.from(payload).toString("hex");
  const length = data.length / 2;
  const head = `4500${hex(28 + length, 2)}000000004011`;
  const addresses = `${ip(from)}${ip(to)}`;
  return `${head}${checksum(`${head}0000${addresses}`)}${addresses}${hex(ports[0], 2)}${hex(ports[1], 2)}${hex(8 + length, 2)}0000${data}`;
}

/** A router advertisement to all nodes, whose checksum nobody gets to check. RFC 4861, 4.2 */
export function routerAdvertisement(text: string): string {
  const data = `860000004000ffff0000000000000000${Buffer.from(text).toString("hex")}`;
  const [source, all] = ["fe800000000000000000000000000001", "ff020000000000000000000000000001"];
  return `60000000${hex(data.length / 2, 2)}3aff${source}${all}${data}`;
}

/** RFC 1071 */
function checksum(header: string): string {
  let sum = 0;
  for (const word of header.match(/.{4}/g) ?? []) sum += Number.parseInt(word, 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return hex(~sum & 0xffff, 2);
}
