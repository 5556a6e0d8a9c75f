/** The VMM of new VMs on this host. */
import { fail } from "../../base/errors/error.ts";
import type { Probe } from "../../vmm/driver.ts";
import type { GuestContext } from "./context.ts";

/** @throws VMM_NOT_FOUND when none can be used */
export async function usableVmm({ driver }: Pick<GuestContext, "driver">): Promise<Extract<Probe, { usable: true }>> {
  const probe = await driver.probe();
  if (probe.usable) return probe;
  throw fail("VMM_NOT_FOUND", { program: "the VMM", install: probe.fix, reason: probe.why });
}
