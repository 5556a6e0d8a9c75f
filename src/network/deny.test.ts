import { expect, test } from "bun:test";
import { deniedNetworks } from "./deny.ts";

test("nothing is denied by default", () => {
  expect(deniedNetworks([], ["198.51.100.0/24"])).toEqual([]);
  expect(deniedNetworks(["203.0.113.0/24"], ["198.51.100.0/24"])).toEqual(["203.0.113.0/24"]);
});

test("`lan` is the private networks, those that the host is attached to and its own addresses, each once", () => {
  const attached = ["198.51.100.0/24", "198.51.100.2/32", "10.0.0.0/8"];
  expect(deniedNetworks(["10.0.0.0/8", "lan"], attached)).toEqual([
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "198.51.100.0/24",
    "198.51.100.2/32",
  ]);
});
