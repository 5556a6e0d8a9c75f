import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import { openFailure } from "./open-failure.ts";

const refused = (code: string) => fail("AGENT_REFUSED", { verb: "dial", reason: "\u001b[31mEVIL\nx", code });

test.each([
  ["refused", "connection refused"],
  ["unreachable", "unreachable from the guest"],
  ["timeout", "no answer in time"],
  ["no_name", "no such host name in the guest"],
  ["bad_request", "not an address or host name"],
  ["limit", "too many connections to the guest"],
])("the agent's %s is said as: %s", (code, words) => {
  expect(openFailure(refused(code))).toBe(words);
});

test("what else goes wrong is said in its own words, on one line", () => {
  expect(openFailure(refused("constructor"))).toBe("the guest refused dial: EVIL x");
  expect(openFailure(fail("SESSION_LOST", { name: "box", reason: "it ended" }))).toContain("was lost: it ended");
});
