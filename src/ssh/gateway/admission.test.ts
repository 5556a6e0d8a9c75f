import { expect, test } from "bun:test";
import { type Attempt, admits } from "./admission.ts";

const [mine, other] = [Buffer.from("mine"), Buffer.from("other")];
const signed = (key: Uint8Array, good: boolean): Attempt => ({
  method: "publickey",
  key,
  isSigned: true,
  verify: () => good,
});

test.each([
  ["one's own key, signed", signed(mine, true), true],
  ["one's own key, asked about", { method: "publickey", key: mine, isSigned: false }, true],
  ["one's own key with a wrong signature", signed(mine, false), false],
  ["another key", signed(other, true), false],
  ["another key, asked about", { method: "publickey", key: other, isSigned: false }, false],
  ["no key", { method: "other" }, false],
] as [string, Attempt, boolean][])("%s: %p", (_, attempt, expected) => {
  expect(admits(attempt, [mine])).toBe(expected);
  expect(admits(attempt, [])).toBe(false);
});
