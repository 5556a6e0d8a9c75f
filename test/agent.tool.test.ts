/** The guest agent as built: small, and without dependencies on the machine that it runs on. */
import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { agentBinary } from "../src/host/testing/gate.ts";

const agent = agentBinary() ?? "";

test("the agent is under 1.5 MB", () => {
  expect(statSync(agent).size).toBeLessThan(1_500_000);
});

test("the agent is static", () => {
  const headers = Bun.spawnSync(["readelf", "--program-headers", "--dynamic", agent]).stdout.toString();
  expect(headers).not.toContain("INTERP");
  expect(headers).not.toContain("NEEDED");
});
