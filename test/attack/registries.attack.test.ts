/** A malicious registry on the internet, against `image pull` of the compiled programs; in the suite's own network. */
import { afterAll, beforeAll } from "bun:test";
import { makeNamespace, type Namespace } from "./namespace.ts";
import { Pulls } from "./pulls.ts";
import { registryAttacks } from "./registry-attacks.ts";
import { attackTests } from "./report.ts";
import { attackSuite } from "./suite.ts";

attackSuite(
  "a hostile registry",
  ["programs", "user-namespaces", "tool:nsenter", "tool:sqfstar", "tool:openssl"],
  () => {
    let space: Namespace;
    let pulls: Pulls;
    beforeAll(async () => {
      space = await makeNamespace();
      pulls = await Pulls.from(space);
      // what is refused below is refused for its lie
      const honest = await pulls.pull("honest");
      if (honest.code !== 0) throw new Error(honest.stderr);
    }, 60_000);
    afterAll(async () => {
      await pulls?.end();
      space?.end();
    }, 60_000);

    attackTests(
      "hostile registry",
      registryAttacks(() => pulls),
    );
  },
);
