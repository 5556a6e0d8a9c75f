import { expect, test } from "bun:test";
import {
  decideNetwork,
  describeNetwork,
  type NetworkConfig,
  type NetworkRequest,
  namedDenyProblem,
  parseDeny,
  reachesSame,
} from "./network.ts";

test.each([
  ["lan", "lan"],
  ["10.0.0.0/8", "10.0.0.0/8"],
  ["198.51.100.7", "198.51.100.7/32"],
  ["0.0.0.0/0", "0.0.0.0/0"],
])("%s is denied as %s", (text, normal) => expect(parseDeny(text)).toBe(normal));

test.each([
  ["10.1.2.3/8", '"10.1.2.3/8" has bits after its prefix: it should be 10.0.0.0/8'],
  ["fe80::/10", '"fe80::/10" is IPv6, which guests don\'t have'],
  ["lam", '"lam" is not an IPv4 network such as "10.0.0.0/8", an address, or "lan"; did you mean "lan"?'],
  ["LAN", '"LAN" is not an IPv4 network such as "10.0.0.0/8", an address, or "lan"; did you mean "lan"?'],
  ["example.com", '"example.com" is not an IPv4 network such as "10.0.0.0/8", an address, or "lan"'],
  ["10.0.0.0/40", '"10.0.0.0/40" is not an IPv4 network such as "10.0.0.0/8", an address, or "lan"'],
  ["", '"" is not an IPv4 network such as "10.0.0.0/8", an address, or "lan"'],
])("%p is refused, with the reason", (text, problem) => {
  expect(parseDeny(text)).toBeNull();
  expect(namedDenyProblem(text)).toBe(problem);
});

test("a request adds to what the config denies, and never takes from it", () => {
  const config = { kind: "user", deny: ["lan"] } as const;
  const decide = (asked: NetworkRequest) => decideNetwork(asked, config, "rootless");
  expect(decide({})).toEqual({ kind: "user", deny: ["lan"] });
  expect(decide({ kind: "none" })).toEqual({ kind: "none", deny: ["lan"] });
  expect(decide({ deny: [] })).toEqual({ kind: "user", deny: ["lan"] });
  expect(decide({ deny: ["9.9.9.9/32", "lan"] })).toEqual({ kind: "user", deny: ["lan", "9.9.9.9/32"] });
});

test.each([
  ["rootless", undefined, null, "user"],
  ["system", undefined, null, "bridge"],
  ["system", undefined, "user", "user"],
  ["system", "none", "user", "none"],
  ["system", "bridge", "none", "bridge"],
] as const)("%s: asked for %p, with %p in the config: %s", (mode, asked, kind, decided) => {
  const request = asked === undefined ? {} : { kind: asked };
  expect(decideNetwork(request, { kind, deny: [] }, mode).kind).toBe(decided);
});

test("a bridge needs system mode, whoever asks for it", () => {
  const refused = { code: "NETWORK_NEEDS_SYSTEM", hint: expect.stringContaining("sudo banger system install") };
  const decide = (asked: NetworkRequest, kind: NetworkConfig["kind"]) => () =>
    decideNetwork(asked, { kind, deny: [] }, "rootless");
  expect(decide({ kind: "bridge" }, null)).toThrow(expect.objectContaining(refused));
  expect(decide({}, "bridge")).toThrow(expect.objectContaining(refused));
  expect(decide({ kind: "user" }, "bridge")()).toEqual({ kind: "user", deny: [] });
});

test("describeNetwork", () => {
  expect(describeNetwork({ kind: "user", deny: [] })).toBe("user");
  expect(describeNetwork({ kind: "none", deny: ["lan"] })).toBe("none");
  expect(describeNetwork({ kind: "user", deny: ["lan"] })).toBe("user, without lan");
  expect(describeNetwork({ kind: "user", deny: ["1.1.1.1/32", "9.9.9.9/32", "lan"] })).toBe(
    "user, without 1.1.1.1/32, 9.9.9.9/32 and lan",
  );
});

test("two networks reach the same when kind and list are the same", () => {
  expect(reachesSame({ kind: "user", deny: ["lan"] }, { kind: "user", deny: ["lan"] })).toBe(true);
  expect(reachesSame({ kind: "user", deny: ["lan"] }, { kind: "user", deny: [] })).toBe(false);
  expect(reachesSame({ kind: "user", deny: [] }, { kind: "none", deny: [] })).toBe(false);
});
