import { expect, test } from "bun:test";
import { defaultBridge } from "../model/bridge.ts";
import { isRouted, resolverPlan, routingDomains } from "./resolver.ts";

test("what resolved is told", () => {
  expect(resolverPlan(defaultBridge).map((argv) => argv.join(" "))).toEqual([
    "resolvectl dns br-banger 172.16.0.1",
    "resolvectl domain br-banger ~vm ~0.16.172.in-addr.arpa",
    "resolvectl default-route br-banger no",
    "resolvectl llmnr br-banger no",
    "resolvectl mdns br-banger no",
    "resolvectl dnssec br-banger no",
    "resolvectl dnsovertls br-banger no",
  ]);
});

test.each([
  [24, ["~vm", "~7.213.10.in-addr.arpa"]],
  [23, ["~vm", "~6.213.10.in-addr.arpa", "~7.213.10.in-addr.arpa"]],
  [16, ["~vm", "~213.10.in-addr.arpa"]],
  [31, ["~vm", "~0.7.213.10.in-addr.arpa", "~1.7.213.10.in-addr.arpa"]],
])("what is asked at a bridge 10.213.7.1/%d", (prefix, domains) => {
  expect(routingDomains({ address: "10.213.7.1", prefix })).toEqual(domains);
});

const dns = "Link 4 (br-banger): 172.16.0.1\n";
test.each([
  [dns, "Link 4 (br-banger): ~vm ~0.16.172.in-addr.arpa\n", true],
  [dns, "Link 4 (br-banger): ~vm\n", false],
  [dns, "Link 4 (br-banger):\n", false],
  ["Link 4 (br-banger): 172.16.0.10\n", "Link 4 (br-banger): ~vm ~0.16.172.in-addr.arpa\n", false],
  ["", "", false],
])("%p, %p: %p", (servers, domains, expected) => {
  expect(isRouted(defaultBridge, servers, domains)).toBe(expected);
});
