import { expect, test } from "bun:test";
import { defaultBridge } from "../model/bridge.ts";
import { clashOf, freeBridge, readRoutes } from "./clash.ts";

const route = (dst: string, dev: string, more: object = {}) => ({ dst, dev, flags: [], ...more });
const read = (...routes: object[]) => readRoutes(JSON.stringify(routes));

test.each([
  ["a network that the host is attached to", route("172.16.0.0/16", "eth0")],
  ["a network within the bridge's", route("172.16.0.128/25", "tun0")],
  ["a single address of it", route("172.16.0.77", "wg0", { table: "52" })],
  ["an address of the host's own", route("172.16.0.9", "lo", { type: "local" })],
  ["a route that leads nowhere", { type: "blackhole", dst: "172.16.0.0/12" }],
])("clash: %s", (_, found) => {
  expect(clashOf(defaultBridge, read(route("default", "eth0"), found))).toMatchObject({ text: found.dst });
});

test.each([
  ["the default route", route("default", "eth0")],
  ["a tunnel's half of the internet", route("128.0.0.0/1", "tun0")],
  ["another network", route("172.17.0.0/16", "docker0")],
  ["the bridge's own", route("172.16.0.0/24", "br-banger")],
])("no clash: %s", (_, found) => {
  expect(clashOf(defaultBridge, read(found))).toBeNull();
});

test("the proposal is free, private and of the same size", () => {
  const proposal = (...taken: string[]) => freeBridge(24, read(...taken.map((dst) => route(dst, "eth0"))));
  expect(proposal()).toBe("172.16.0.1/24");
  expect(proposal("172.16.0.0/23", "172.16.2.9")).toBe("172.16.3.1/24");
  expect(proposal("172.16.0.0/12")).toBe("10.213.0.1/24");
  expect(proposal("172.16.0.0/12", "10.0.0.0/8")).toBe("192.168.128.1/24");
  expect(proposal("172.16.0.0/12", "10.0.0.0/8", "192.168.0.0/16")).toBeNull();
  expect(freeBridge(16, read(route("172.16.0.0/12", "a"), route("10.0.0.0/8", "b")))).toBe("192.168.128.1/16");
});

test("what ip does not print is an error", () => {
  expect(() => readRoutes("{}")).toThrow();
  expect(() => readRoutes("")).toThrow();
});
