import { expect, test } from "bun:test";
import { listeningOf, maxListeners, targetsOf } from "./listeners.ts";

test.each([
  [["0.0.0.0"], ["127.0.0.1"]],
  [["127.0.0.1"], ["127.0.0.1"]],
  [["127.0.0.53"], ["127.0.0.53"]],
  [["::1"], ["::1"]],
  [["::"], ["127.0.0.1", "::1"]],
  [["192.0.2.15"], ["192.0.2.15"]],
  [
    ["172.17.0.1", "127.0.0.1"],
    ["127.0.0.1", "172.17.0.1"],
  ],
  [
    ["::1", "127.0.0.1"],
    ["127.0.0.1", "::1"],
  ],
  [
    ["0.0.0.0", "::"],
    ["127.0.0.1", "::1"],
  ],
  [
    ["127.0.0.53", "127.0.0.54", "127.0.0.55", "127.0.0.56", "127.0.0.57"],
    ["127.0.0.53", "127.0.0.54", "127.0.0.55", "127.0.0.56"],
  ],
])("listeners at %j are dialled at %j", (addresses, targets) => {
  expect(targetsOf(addresses)).toEqual(targets);
});

test("listeners of one port are one", () => {
  const listen = [
    { address: "0.0.0.0", port: 80, family: 4 },
    { address: "::", port: 80, family: 6 },
    { address: "::1", port: 81, family: 6 },
  ];
  expect([...listeningOf({ event: "ports", listen })]).toEqual([
    [80, ["127.0.0.1", "::1"]],
    [81, ["::1"]],
  ]);
});

test("what is no listener is passed over", () => {
  const bad = [null, 1, "x", [], {}, { port: 80 }, { address: "::" }, { address: "::", port: 0 }];
  const worse = [
    { address: "::", port: 65_536 },
    { address: "::", port: "80" },
    { address: "localhost", port: 80 },
    { address: "127.0.0.1\n", port: 80 },
    { address: `${":".repeat(100)}`, port: 80 },
    { address: { toString: () => "::" }, port: 80 },
  ];
  expect(listeningOf({ event: "ports", listen: [...bad, ...worse] }).size).toBe(0);
  for (const listen of [undefined, null, {}, "x"]) expect(listeningOf({ event: "ports", listen }).size).toBe(0);
});

test("no more than the agent reports is looked at", () => {
  const listen = Array.from({ length: 10_000 }, (_, at) => ({ address: "0.0.0.0", port: at + 1 }));
  expect(listeningOf({ event: "ports", listen }).size).toBe(maxListeners);
});
