import { expect, test } from "bun:test";
import { sourcesOf } from "./sources.ts";

const bridge = { address: "172.16.0.1", prefix: 24 };

function sources(own: string[]) {
  const state = { own, now: 0, lookUps: 0 };
  const ownAddresses = () => {
    state.lookUps += 1;
    return state.own;
  };
  return { state, of: sourcesOf({ network: bridge, ownAddresses, now: () => state.now }) };
}

test.each([
  ["172.16.0.1", "host"],
  ["127.0.0.1", "host"],
  ["127.0.0.53", "host"],
  ["192.0.2.7", "host"],
  ["172.16.0.2", "guest"],
  ["172.16.0.255", "guest"],
  ["172.16.1.0", "elsewhere"],
  ["172.15.255.255", "elsewhere"],
  ["192.0.2.8", "elsewhere"],
  ["0.0.0.0", "elsewhere"],
  ["255.255.255.255", "elsewhere"],
  ["::ffff:127.0.0.1", "elsewhere"],
  ["", "elsewhere"],
] as const)("%s: %s", (address, expected) => expect(sources(["192.0.2.7"]).of(address)).toBe(expected));

test("the host's addresses are looked up for others alone, once a second", () => {
  const { state, of } = sources(["192.0.2.7"]);
  for (const address of ["172.16.0.1", "172.16.0.2", "127.0.0.1"]) of(address);
  expect(state.lookUps).toBe(0);
  expect([of("192.0.2.7"), of("192.0.2.9"), of("192.0.2.9")]).toEqual(["host", "elsewhere", "elsewhere"]);
  expect(state.lookUps).toBe(1);
  state.own = ["192.0.2.9"];
  state.now = 999;
  expect(of("192.0.2.9")).toBe("elsewhere");
  state.now = 1000;
  expect([of("192.0.2.9"), of("192.0.2.7")]).toEqual(["host", "elsewhere"]);
  expect(state.lookUps).toBe(2);
});
