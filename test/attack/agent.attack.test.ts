/** A guest's root that speaks the agent's protocol itself, against the daemon's real code and the compiled client. */
import "./as-released.ts";

import { afterAll, beforeAll } from "bun:test";
import { agentFloods } from "./agent-floods.ts";
import { agentLies } from "./agent-lies.ts";
import { type LiedTo, lieToDaemon } from "./lied-to.ts";
import { attackTests } from "./report.ts";
import { attackSuite } from "./suite.ts";

attackSuite("a hostile agent", ["programs"], () => {
  let scene: LiedTo;
  beforeAll(async () => {
    scene = await lieToDaemon("agent");
    const made = await scene.banger(["vm", "create", "--name", "evil"]);
    if (made.code !== 0) throw new Error(made.stderr);
    await scene.banger(["vm", "start", "evil"]);
  }, 60_000);
  afterAll(async () => scene?.end(), 60_000);

  const there = () => scene;
  attackTests("hostile agent", [...agentLies(there), ...agentFloods(there)]);
});
