import { expect, test } from "bun:test";
import type { VmId } from "../base/names.ts";
import { defaultBridge, macOf } from "../model/bridge.ts";
import { bridgeIdentity, hostResolvers, resolverProblem, withoutCovered } from "./bridge-plan.ts";

test.each<[string, string[], string[], string[]]>([
  ["none", [], [], []],
  ["a router's", ["nameserver 192.168.1.1\nsearch lan\n"], ["192.168.1.1"], ["lan"]],
  [
    "resolved's stub, and the servers behind it",
    [
      "nameserver 127.0.0.53\nsearch corp.example\n",
      "nameserver 172.16.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n",
    ],
    ["10.0.0.2", "10.0.0.3"],
    ["corp.example"],
  ],
  ["a resolver on the host's loopback", ["nameserver 127.0.0.1\n"], [], []],
  [
    "more than a guest asks",
    ["nameserver 1.0.0.1\nnameserver 1.0.0.2\nnameserver 1.0.0.3"],
    ["1.0.0.1", "1.0.0.2"],
    [],
  ],
])("the host's resolvers: %s", (_what, texts, servers, search) => {
  expect(hostResolvers(texts, defaultBridge)).toEqual({ servers, search });
});

test("a guest asks the bridge first, and then the host's resolvers", () => {
  const id = "abcd1234" as VmId;
  expect(bridgeIdentity(id, "172.16.0.9", defaultBridge, { servers: ["10.0.0.2"], search: ["lan"] })).toEqual({
    address: "172.16.0.9",
    prefix: 24,
    gateway: "172.16.0.1",
    mac: macOf(id),
    dns: ["172.16.0.1", "10.0.0.2"],
    search: ["lan"],
  });
});

test("a user is told when no server is left that resolves names", () => {
  expect(resolverProblem(["10.0.0.2"], [])).toBeUndefined();
  expect(resolverProblem(["10.0.0.2", "9.9.9.9"], ["10.0.0.0/8"])).toBeUndefined();
  expect(resolverProblem(["10.0.0.2"], ["10.0.0.0/8"])).toContain("(10.0.0.2)");
  expect(resolverProblem([], [])).toContain("loopback");
});

test("networks within others are left out", () => {
  const networks = ["10.0.0.0/8", "10.1.2.0/24", "192.168.1.7/32", "192.168.1.0/24", "10.0.0.0/8", "9.9.9.9/32"];
  expect(withoutCovered(networks)).toEqual(["10.0.0.0/8", "192.168.1.0/24", "9.9.9.9/32"]);
  expect(withoutCovered(["0.0.0.0/0", "10.0.0.0/8"])).toEqual(["0.0.0.0/0"]);
});
