import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../../base/testing/budget.ts";
import { parseChallenges } from "./challenge.ts";

const plain = (text: string) =>
  parseChallenges(text).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test("what registries send", () => {
  expect(
    plain('Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"'),
  ).toEqual([
    ["bearer", { realm: "https://auth.docker.io/token", service: "registry.docker.io", scope: "repository:a/b:pull" }],
  ]);
  expect(plain('Basic realm="Registry Realm"')).toEqual([["basic", { realm: "Registry Realm" }]]);
  expect(plain('BASIC realm=a, bearer realm = "b\\"c" , service=d')).toEqual([
    ["basic", { realm: "a" }],
    ["bearer", { realm: 'b"c', service: "d" }],
  ]);
  expect(plain("Negotiate abc==, Basic realm=x")).toEqual([
    ["negotiate", {}],
    ["basic", { realm: "x" }],
  ]);
  expect(plain("")).toEqual([]);
});

test("any text is parsed or ignored in linear time", () => {
  const piece = fc.oneof(fc.string(), fc.constantFrom("Bearer ", "Basic", '"', "=", ",", "realm", "\\", " "));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      for (const { scheme } of parseChallenges(pieces.join(""))) expect(scheme).toBe(scheme.toLowerCase());
    }),
    { numRuns: runs(1000) },
  );
  const begun = performance.now();
  parseChallenges(`Bearer ${'a="\\'.repeat(100_000)}`);
  expect(performance.now() - begun).toBeLessThan(1000);
});

test("8192 characters are read, and none after them", () => {
  const upTo = (length: number) => `Basic realm="${"x".repeat(length - 'Basic realm=""'.length)}"`;
  expect(plain(upTo(8192))).toEqual([["basic", { realm: "x".repeat(8192 - 14) }]]);
  expect(plain(upTo(8193))[0]).toEqual(["basic", {}]);
});
