/** The VMM of a VM, as it is on this host now. */
import { type BangerError, fail } from "../../base/errors/error.ts";
import type { VmSpec } from "../../model/vm.ts";
import type { Probe } from "../../vmm/driver.ts";
import type { GuestContext } from "./context.ts";

export type UsableProbe = Extract<Probe, { usable: true }>;

/** @throws VMM_NOT_FOUND when it can't be used */
export async function usableVmm(
  { drivers }: Pick<GuestContext, "drivers">,
  { vmm }: Pick<VmSpec, "vmm">,
): Promise<UsableProbe> {
  const probe = await drivers.named(vmm.driver).probe();
  if (probe.usable) return probe;
  throw unusable(vmm.driver, probe);
}

export function unusable(driver: string, { why, fix }: Extract<Probe, { usable: false }>): BangerError {
  return fail("VMM_NOT_FOUND", { program: driver, install: fix, reason: why });
}
