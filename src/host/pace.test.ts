import { expect, test } from "bun:test";
import { hostPace, paceOf } from "./pace.ts";

test.each([
  [0, 1],
  [25, 1],
  [50, 2],
  [250, 10],
  [8000, 10],
])("a start that takes %d ms of a CPU's time makes limits %d times as long", (cpuMs, pace) =>
  expect(paceOf(cpuMs)).toBe(pace),
);

test("a program that has not measured has the limits of a usual host", () => expect(hostPace()).toBe(1));
