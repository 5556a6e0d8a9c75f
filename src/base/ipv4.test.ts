import { expect, test } from "bun:test";
import {
  formatCidr,
  formatIpv4,
  hostsOf,
  isHostAddress,
  isInNetwork,
  isPrivate,
  networkOf,
  parseCidr,
  parseIpv4,
} from "./ipv4.ts";

test.each(["0.0.0.0", "255.255.255.255", "192.0.2.1", "128.0.0.1"])("%s is an address", (text) => {
  const address = parseIpv4(text);
  expect(address === null ? null : formatIpv4(address)).toBe(text);
});

test.each(["", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.-4", "1.2.3.4 ", "0x7f.0.0.1", "127.1", "::1"])(
  "%p is not",
  (text) => expect(parseIpv4(text)).toBeNull(),
);

test.each([
  ["10.1.2.3/8", "10.0.0.0/8"],
  ["255.255.255.255/0", "0.0.0.0/0"],
  ["198.51.100.7", "198.51.100.7/32"],
  ["192.168.255.255/31", "192.168.255.254/31"],
  ["128.0.0.1/1", "128.0.0.0/1"],
])("%s is in %s", (text, network) => {
  const parsed = parseCidr(text);
  expect(parsed && formatCidr(networkOf(parsed))).toBe(network);
});

test.each(["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/8/8", "/8", "10/8"])(
  "%p is no network",
  (text) => expect(parseCidr(text)).toBeNull(),
);

test.each([
  ["10.1.2.3", "10.9.9.9/8", true],
  ["11.0.0.0", "10.0.0.0/8", false],
  ["192.0.2.130", "192.0.2.129/30", true],
  ["192.0.2.132", "192.0.2.129/30", false],
  ["203.0.113.1", "0.0.0.0/0", true],
])("%s in %s: %p", (address, network, expected) => {
  expect(isInNetwork(parseIpv4(address)!, parseCidr(network)!)).toBe(expected);
});

test("the addresses of hosts", () => {
  const { first, last } = hostsOf({ address: 0xac100105, prefix: 29 });
  expect([first, last].map(formatIpv4)).toEqual(["172.16.1.1", "172.16.1.6"]);
});

test.each([
  ["192.0.2.0/29", false],
  ["192.0.2.1/29", true],
  ["192.0.2.6/29", true],
  ["192.0.2.7/29", false],
])("a host can have %s: %p", (text, expected) => {
  expect(isHostAddress(parseCidr(text)!)).toBe(expected);
});

test.each([
  ["9.255.255.255", false],
  ["10.0.0.0", true],
  ["172.15.255.255", false],
  ["172.31.255.255", true],
  ["172.32.0.0", false],
  ["192.168.0.1", true],
  ["192.169.0.0", false],
  ["100.64.0.1", false],
])("%s is private: %p", (address, expected) => {
  expect(isPrivate(parseIpv4(address)!)).toBe(expected);
});
