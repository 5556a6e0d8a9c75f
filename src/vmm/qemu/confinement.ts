/** Whether a QEMU may start on a host that can't confine it completely. */
import type { Gap } from "../../model/cage.ts";
import { type Confinement, requireNoGaps } from "../confinement.ts";
import type { BootSpec } from "../driver.ts";
import { hasOwnNetwork } from "./sandbox.ts";

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
  await requireNoGaps(hasOwnNetwork(spec) ? gaps : [...gaps, hostNetwork], policy);
}
