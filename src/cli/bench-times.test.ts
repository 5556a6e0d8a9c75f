import { expect, test } from "bun:test";
import { phasesOf, timedOf } from "./bench-times.ts";

test.each<[number[], number]>([
  [[3], 3],
  [[4, 1], 2.5],
  [[9, 1, 5], 5],
  [[1, 2, 3, 10], 2.5],
])("the median of %p is %p", (ms, median) => {
  expect(timedOf("x", ms)).toEqual({ what: "x", median, min: Math.min(...ms), max: Math.max(...ms) });
});

test("the part of the CLI's wait that the daemon does not account for is the API's", () => {
  const run = [
    { name: "vmm", ms: 60 },
    { name: "network", ms: 10 },
    { name: "cli.begin", ms: 15 },
    { name: "cli.start", ms: 75 },
  ];
  const shown = Object.fromEntries(phasesOf([run]).map(({ what, median }) => [what, median]));
  expect(shown).toMatchObject({
    "CLI start": 15,
    "API and events": 5,
    "disk and network": 10,
    "VMM start": 60,
  });
});
