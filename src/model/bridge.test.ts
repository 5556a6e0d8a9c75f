import { expect, test } from "bun:test";
import { macOf, parseBridge } from "./bridge.ts";

test("a bridge has a private address of a host, and a network of usable size", () => {
  expect(parseBridge("172.16.0.1/24")).toEqual({ address: "172.16.0.1", prefix: 24 });
  expect(parseBridge("192.168.3.9/28")).toEqual({ address: "192.168.3.9", prefix: 28 });
  for (const text of ["172.16.0.0/24", "172.16.0.255/24", "172.16.0.1", "172.16.0.1/29", "10.0.0.1/15", "8.8.8.8/24"])
    expect(parseBridge(text), text).toBeNull();
  for (const text of ["172.32.0.1/24", "100.64.0.1/24", "192.168.1.1/24 ", "", "fd00::1/64"])
    expect(parseBridge(text), text).toBeNull();
});

test("a MAC address is one interface's own, and locally administered", () => {
  expect(macOf("abcd1234")).toMatch(/^02(?::[0-9a-f]{2}){5}$/);
  expect(macOf("abcd1234")).not.toBe(macOf("abcd1235"));
});
