import { expect, test } from "bun:test";
import { Connections } from "./connections.ts";

const taken = (connections: Connections, source: "guest" | "host", address: string, times: number) =>
  Array.from({ length: times }, () => connections.take(source, address)).filter((one) => one !== null);

test("a guest has four, all guests together 64, and the host has its own", () => {
  const connections = new Connections();
  expect(taken(connections, "guest", "172.16.0.2", 9)).toHaveLength(4);
  for (let last = 3; last < 30; last++) taken(connections, "guest", `172.16.0.${last}`, 4);
  expect(taken(connections, "guest", "172.16.0.99", 1)).toHaveLength(0);
  expect(taken(connections, "host", "172.16.0.1", 100)).toHaveLength(64);
});

test("one that has ended makes room for one, however often it is said", () => {
  const connections = new Connections();
  const [first] = taken(connections, "guest", "172.16.0.2", 4);
  first?.();
  first?.();
  expect(taken(connections, "guest", "172.16.0.2", 2)).toHaveLength(1);
});

test("none from elsewhere", () => expect(new Connections().take("elsewhere", "192.0.2.1")).toBeNull());
