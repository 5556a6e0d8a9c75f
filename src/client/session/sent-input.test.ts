import { expect, test } from "bun:test";
import { SentInput } from "./sent-input.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (data: Uint8Array | null) => data && new TextDecoder().decode(data);

test("input that may not have arrived is kept from any offset", () => {
  const sent = new SentInput();
  sent.add(bytes("abc"));
  sent.add(bytes("de"));
  expect([0, 2, 3, 5].map((offset) => textOf(sent.from(offset)))).toEqual(["abcde", "cde", "de", ""]);
  expect([sent.from(6), sent.from(-1)]).toEqual([null, null]);
});

test("a small view is copied, so that it does not keep the memory around it", () => {
  const sent = new SentInput();
  const memory = bytes("a".repeat(100));
  sent.add(memory.subarray(0, 3));
  memory.fill(0);
  expect(textOf(sent.from(0))).toBe("aaa");
});

test("two credit windows before the newest chunk are kept", () => {
  const window = 262_144;
  const sent = new SentInput();
  for (let at = 0; at < 2; at++) sent.add(new Uint8Array(window));
  sent.add(bytes("x"));
  expect(sent.from(0)?.length).toBe(2 * window + 1);
  sent.add(new Uint8Array(window));
  expect(sent.from(0)?.length).toBe(3 * window + 1);
  sent.add(bytes("yz"));
  expect(sent.from(0)).toBeNull();
  expect(sent.from(window)?.length).toBe(2 * window + 3);
  // a larger chunk is kept whole: none of it may have been sent yet
  sent.add(new Uint8Array(4 * window));
  expect(sent.from(3 * window + 3 - 2 * window)?.length).toBe(6 * window);
});
