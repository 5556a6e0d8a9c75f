import { expect, test } from "bun:test";
import { parseHello } from "./hello.ts";

const hello = { protocol: 1, phase: "up", generation: 0, agent: "a", init: "i", bootId: "b", features: ["exec"] };

test("texts are truncated to 64 characters, and features to 64", () => {
  const long = "x".repeat(65);
  const features = Array.from({ length: 65 }, (_, at) => `${at}`);
  const parsed = parseHello({ ...hello, agent: long, init: long, bootId: long, features });
  expect([parsed.agent, parsed.init, parsed.bootId]).toEqual(["x".repeat(64), "x".repeat(64), "x".repeat(64)]);
  expect(parsed.features).toEqual(features.slice(0, 64));
});

test("the error names another version", () => {
  const refused = (protocol: unknown) => () => parseHello({ ...hello, protocol });
  expect(refused(2)).toThrow("protocol version 2, this banger speaks 1");
  expect(refused("1")).toThrow("no protocol version, this banger speaks 1");
});
