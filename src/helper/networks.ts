/** Sets of IPv4 networks as ranges of addresses. Pure. */
import { formatIpv4, networkOf, parseCidr, parseIpv4 } from "../base/ipv4.ts";

/** first and last address, as unsigned numbers */
export type Range = readonly [first: number, last: number];

/** Null unless the text is a network such as `10.0.0.0/8`, an address, or a range as `formatRange` writes it. */
export function rangeOf(text: string): Range | null {
  const [from, to] = text.split("-").map(parseIpv4);
  if (from != null && to != null) return from <= to ? [from, to] : null;
  const parsed = parseCidr(text);
  if (!parsed) return null;
  const first = networkOf(parsed).address;
  return [first, first + 2 ** (32 - parsed.prefix) - 1];
}

export function overlap(a: Range, b: Range): boolean {
  return a[0] <= b[1] && b[0] <= a[1];
}

/** The same addresses in as few ranges as possible, in order: nft takes no ranges that overlap, and lists those that touch as one. */
export function merged(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const range of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = result.at(-1);
    if (before && range[0] <= before[1] + 1) result[result.length - 1] = [before[0], Math.max(before[1], range[1])];
    else result.push(range);
  }
  return result;
}

/** `10.0.0.0-10.255.255.255`; a range of one address is that address. */
export function formatRange([first, last]: Range): string {
  return first === last ? formatIpv4(first) : `${formatIpv4(first)}-${formatIpv4(last)}`;
}
