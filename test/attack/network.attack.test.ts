/** A guest that makes its own Ethernet frames, through `netguard` and passt as the daemon starts them; in a private network. */
import { afterAll, beforeAll } from "bun:test";
import { makeNamespace, type Namespace } from "./namespace.ts";
import { makeProbe, type Probe, probeAttacks } from "./network-probe.ts";
import { attackTests } from "./report.ts";
import { attackSuite } from "./suite.ts";

// root's passt becomes `nobody`, which the user namespace does not have
const needs = ["programs", "ordinary-user", "user-namespaces", "tool:nsenter", "tool:passt"] as const;

const kinds = [
  ["stream", "a guest's network", "guest's network"],
  ["agent", "a guest's network over a vsock", "guest's network over a vsock"],
] as const;

for (const [kind, name, short] of kinds) {
  attackSuite(name, needs, () => {
    let space: Namespace;
    let probe: Probe;
    beforeAll(async () => {
      space = await makeNamespace();
      probe = await makeProbe(space, kind);
    }, 60_000);
    afterAll(async () => {
      await probe?.end();
      space?.end();
    }, 60_000);

    attackTests(
      short,
      probeAttacks(() => probe),
    );
  });
}
