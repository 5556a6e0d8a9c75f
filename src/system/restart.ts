/** `banger system restart`. VMs outlive it. */
import { fail } from "../base/errors/error.ts";
import { readMetadata } from "./metadata.ts";
import { units } from "./plan.ts";
import { requireRoot } from "./requirements.ts";
import { showUnit, startUnits, type UnitState } from "./services.ts";
import type { SystemWorld } from "./world.ts";

/** Returns when both serve again. @throws SYSTEM_NEEDS_ROOT, SYSTEM_NOT_INSTALLED, SYSTEM_STEP_FAILED */
export async function restart(world: SystemWorld): Promise<UnitState[]> {
  requireRoot(world, "restarting the service", "system restart");
  if (readMetadata(world) === null) throw fail("SYSTEM_NOT_INSTALLED", {});
  await startUnits(world, units).catch((cause: unknown) => {
    const after = "`banger system status` shows what is running";
    throw fail(
      "SYSTEM_STEP_FAILED",
      { step: "could not restart the service", reason: (cause as Error).message, after },
      cause,
    );
  });
  return Promise.all(units.map((name) => showUnit(world, name)));
}
