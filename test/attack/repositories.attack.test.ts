/** Untrusted repositories: `vm run FOLDER` copies them into a VM, and the copies are checked there. */
import "./as-released.ts";

import { afterAll, beforeAll } from "bun:test";
import { type LiedTo, lieToDaemon } from "./lied-to.ts";
import { attackTests } from "./report.ts";
import { type Hoard, makeHoard, repositoryAttacks } from "./repository-attacks.ts";
import { attackSuite } from "./suite.ts";

attackSuite("hostile repositories", ["programs", "tool:git", "tool:tar"], () => {
  let scene: LiedTo;
  let hoard: Hoard;
  beforeAll(async () => {
    scene = await lieToDaemon("repo");
    hoard = makeHoard(scene.home.folder);
  }, 60_000);
  afterAll(async () => scene?.end(), 60_000);

  attackTests(
    "hostile repository",
    repositoryAttacks(
      () => scene,
      () => hoard,
    ),
  );
});
