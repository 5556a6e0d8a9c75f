/** Whether a VMM may start on a host that can't confine it completely. */
import { fail } from "../../base/errors/error.ts";
import { describeGaps, type Gap } from "../../model/cage.ts";
import type { BootSpec } from "../driver.ts";
import { hasOwnNetwork } from "./sandbox.ts";

export type Confinement = "auto" | "required";

const hostNetwork: Gap = {
  layer: "network namespace",
  why: "QEMU's own network opens the guest's connections",
  leavesOpen: "it uses the host's network",
};

/** @throws CONFINEMENT_INCOMPLETE with all missing layers, when `policy` is `required` */
export async function requireCage(
  spec: Pick<BootSpec, "net">,
  gaps: readonly Gap[],
  policy: () => Promise<Confinement>,
): Promise<void> {
  const all = hasOwnNetwork(spec) ? gaps : [...gaps, hostNetwork];
  if (all.length === 0 || (await policy()) === "auto") return;
  throw fail("CONFINEMENT_INCOMPLETE", { program: "the VMM", missing: describeGaps(all) });
}
