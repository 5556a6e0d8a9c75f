import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { strangeFrames } from "../../base/testing/strange.ts";
import { readRequest } from "./requests.ts";
import { maxDenied } from "./verbs.ts";

const bridge = { id: 1, verb: "bridge.ensure", address: "172.16.0.1", prefix: 24 };
const tap = { id: 2, verb: "tap.create", vm: "abcd1234", address: "172.16.0.2", isolated: true, deny: ["10.1.2.3/8"] };

test("each verb is read, and a network loses the bits after its prefix", () => {
  const { id: _, ...plainBridge } = bridge;
  expect(readRequest(bridge)).toEqual({ id: 1, request: plainBridge } as never);
  expect(readRequest(tap)).toMatchObject({ id: 2, request: { vm: "abcd1234", isolated: true, deny: ["10.0.0.0/8"] } });
  expect(readRequest({ id: 3, verb: "tap.delete", vm: "abcd1234" })).toMatchObject({ request: { verb: "tap.delete" } });
  for (const verb of ["nat.ensure", "resolver.route", "resolver.unroute", "status"] as const)
    expect(readRequest({ id: 4, verb })).toEqual({ id: 4, request: { verb } });
});

describe("what has no id can't be answered", () => {
  for (const value of [
    null,
    1,
    "status",
    [],
    {},
    { verb: "status" },
    { id: "1", verb: "status" },
    { id: -1 },
    { id: 1.5 },
  ])
    test(JSON.stringify(value), () => expect(readRequest(value)).toBeNull());
});

const refused: [string, object][] = [
  ["an unknown verb", { verb: "shell.run" }],
  ["a verb of the object's own", { verb: "constructor" }],
  ["a verb that is no text", { verb: ["status"] }],
  ["no verb", { id: 1 }],
  ["an unknown field", { ...bridge, name: "eth0" }],
  ["a field that is called __proto__", JSON.parse('{"verb":"status","__proto__":{"a":1}}')],
  ["a missing field", { verb: "tap.delete" }],
  ["a field of another verb", { verb: "status", vm: "abcd1234" }],
  ...[15, 29, 24.5, "24", null].map((prefix): [string, object] => [`the prefix ${prefix}`, { ...bridge, prefix }]),
  ...[
    "8.8.8.8",
    "172.16.0.0",
    "172.16.0.255",
    "172.32.0.1",
    "127.0.0.1",
    "172.16.0.01",
    "172.16.0.1/24",
    "fd00::1",
    5,
  ].map((address): [string, object] => [`the bridge's address ${address}`, { ...bridge, address }]),
  ...["../../etc", "abcd123", "abcd12345", "ABCD1234", "abcd 123", "abcd123\n", "", 12345678, null, ["abcd1234"]].map(
    (vm): [string, object] => [`the VM ${JSON.stringify(vm)}`, { ...tap, vm }],
  ),
  ...["yes", 1, null].map((isolated): [string, object] => [`isolated ${isolated}`, { ...tap, isolated }]),
  ...[
    "10.0.0.0/8",
    null,
    {},
    { length: 0 },
    ["10.0.0.0/33"],
    ["lan"],
    [1],
    [null],
    ["10.0.0.0/8 }; flush ruleset"],
  ].map((deny): [string, object] => [`deny ${JSON.stringify(deny)}`, { ...tap, deny }]),
  ["too many networks", { ...tap, deny: Array(maxDenied + 1).fill("10.0.0.0/8") }],
  ["no IPv4 address", { ...tap, address: "::1" }],
];

test.each(refused)("refused: %s", (_, fields) => {
  expect(readRequest({ id: 7, ...fields, ...("id" in fields ? { id: 7 } : {}) })).toEqual({
    id: 7,
    problem: expect.any(String),
  });
});

test("whatever is sent, what is read is plain: no text of it can end a command of nft or ip", () => {
  const anyText = fc.oneof(fc.string(), fc.constantFrom(...strangeFrames, "abcd1234", "172.16.0.9", "10.0.0.0/8"));
  const anything = fc.oneof(anyText, fc.jsonValue(), fc.boolean(), fc.integer());
  const verb = fc.constantFrom("bridge.ensure", "tap.create", "tap.delete", "status");
  const request = fc.record(
    {
      id: fc.nat(),
      verb,
      vm: anything,
      address: anything,
      prefix: anything,
      isolated: anything,
      deny: fc.array(anyText),
    },
    { requiredKeys: ["id", "verb"] },
  );
  fc.assert(
    fc.property(fc.oneof(request, fc.jsonValue()), (value) => {
      const read = readRequest(value);
      if (read && "request" in read) expect(JSON.stringify(read.request)).toMatch(/^[\w{}[\]":,./-]+$/);
    }),
    { numRuns: 500 },
  );
});
