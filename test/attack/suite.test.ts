import { afterEach, expect, test } from "bun:test";
import { attackSuite } from "./suite.ts";
import { reasonAgainstTracing } from "./tracing.ts";

const before = process.env["BANGER_REQUIRE"];
afterEach(() => {
  if (before === undefined) delete process.env["BANGER_REQUIRE"];
  else process.env["BANGER_REQUIRE"] = before;
});

test("tracing one's own processes needs root, unless Yama is absent or off", () => {
  expect(reasonAgainstTracing("0", 1000)).toBeNull();
  expect(reasonAgainstTracing("1", 0)).toBeNull();
  for (const scope of ["1", "2", "3"])
    expect(reasonAgainstTracing(scope, 1000)).toBe(`Yama's ptrace_scope is ${scope}: run it as root`);
});

test("a suite that lacks something fails where attacks are required", () => {
  process.env["BANGER_REQUIRE"] = "vm, attack";
  const body = () => {};
  expect(() => attackSuite("it", ["tool:banger-no-such-tool"], body)).toThrow(
    "BANGER_REQUIRE has attack, but banger-no-such-tool is not installed",
  );
});
