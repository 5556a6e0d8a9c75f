import { expect, test } from "bun:test";
import { openProblem } from "./open-problem.ts";

test("a device opens, a missing one and a folder do not, and nothing is made", () => {
  expect(openProblem("/dev/null")).toBeNull();
  for (const attempt of [1, 2]) expect([attempt, openProblem("/dev/null-of-banger")]).toEqual([attempt, "ENOENT"]);
  expect(openProblem("/dev")).toBe("EISDIR");
});
