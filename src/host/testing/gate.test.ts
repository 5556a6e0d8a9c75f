import { afterEach, expect, test } from "bun:test";
import { gate } from "./gate.ts";

const before = process.env["BANGER_REQUIRE"];
afterEach(() => {
  if (before === undefined) delete process.env["BANGER_REQUIRE"];
  else process.env["BANGER_REQUIRE"] = before;
});

test("a missing requirement skips the test, unless it is required", () => {
  delete process.env["BANGER_REQUIRE"];
  expect(gate("tool:sh")).toBeNull();
  expect(gate("tool:banger-no-such-tool")).toBe("banger-no-such-tool is not installed");
  for (const required of ["tools", "vm, tools", "tool:banger-no-such-tool"]) {
    process.env["BANGER_REQUIRE"] = required;
    expect(() => gate("tool:banger-no-such-tool")).toThrow("banger-no-such-tool is not installed");
    expect(gate("tool:sh")).toBeNull();
  }
  process.env["BANGER_REQUIRE"] = "vm, ";
  expect(gate("tool:banger-no-such-tool")).toBe("banger-no-such-tool is not installed");
});

test("unwanted tests are skipped, but never required ones", () => {
  delete process.env["BANGER_REQUIRE"];
  process.env["BANGER_SKIP"] = "tools";
  try {
    expect(gate("tool:sh")).toBe("BANGER_SKIP has tool:sh");
    process.env["BANGER_REQUIRE"] = "tools";
    expect(() => gate("tool:sh")).toThrow("BANGER_SKIP");
  } finally {
    delete process.env["BANGER_SKIP"];
  }
});
