import { expect, test } from "bun:test";
import { RateLimit } from "./rate-limit.ts";

test("allows so many in one second, and as many again in the next", () => {
  let now = 5;
  const limit = new RateLimit(2, () => now);
  expect([limit.take(), limit.take(), limit.take()]).toEqual([true, true, false]);
  now += 999;
  expect(limit.take()).toBe(false);
  now += 1;
  expect([limit.take(), limit.take(), limit.take()]).toEqual([true, true, false]);
});
