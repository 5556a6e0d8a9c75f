import { expect, test } from "bun:test";
import { parseCidr } from "./ipv4.ts";
import { reverseZones } from "./reverse-zone.ts";

const zones = (text: string) => reverseZones(parseCidr(text) ?? { address: 0, prefix: 0 });

test.each([
  ["172.16.0.1/24", ["0.16.172.in-addr.arpa"]],
  ["10.1.2.3/8", ["10.in-addr.arpa"]],
  ["192.168.255.1/16", ["168.192.in-addr.arpa"]],
  ["172.16.1.9/23", ["0.16.172.in-addr.arpa", "1.16.172.in-addr.arpa"]],
  ["192.0.2.5/31", ["4.2.0.192.in-addr.arpa", "5.2.0.192.in-addr.arpa"]],
  ["255.255.255.255/32", ["255.255.255.255.in-addr.arpa"]],
])("%s", (network, expected) => expect(zones(network)).toEqual(expected));

test("a network that ends within a byte has a zone for each value of that byte, and none outside", () => {
  const list = zones("172.16.0.0/12");
  expect(list).toHaveLength(16);
  expect([list[0], list.at(-1)]).toEqual(["16.172.in-addr.arpa", "31.172.in-addr.arpa"]);
  expect(zones("10.0.0.0/25")).toHaveLength(128);
});
