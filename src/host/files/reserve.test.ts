import { expect, test } from "bun:test";
import { tempFolder } from "../testing/temp.ts";
import { Reserve } from "./reserve.ts";

test("a reserve is complete or missing, and can be refilled", async () => {
  using temp = tempFolder();
  const reserve = new Reserve(`${temp.path}/reserve`, 3_000_000);
  expect(reserve.release()).toBe(false);
  await Promise.all([reserve.refill(), reserve.refill()]);
  expect(Bun.file(`${temp.path}/reserve`).size).toBe(3_000_000);
  expect(reserve.release()).toBe(true);
  expect(reserve.release()).toBe(false);
  await reserve.refill();
  expect(reserve.release()).toBe(true);
});
