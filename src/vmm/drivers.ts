/**
 * Combines the drivers of this host: the first usable one runs new VMs, and the driver named in a record handles what exists.
 */
import { fail } from "../base/errors/error.ts";
import type { Probe, VmmDriver, VmmDrivers } from "./driver.ts";

/** @param drivers best first, at least one */
export function combineDrivers(drivers: readonly [VmmDriver, ...VmmDriver[]]): VmmDrivers {
  /** @throws VMM_NOT_FOUND when this banger has no such driver */
  const named = (name: string): VmmDriver => {
    const found = drivers.find((driver) => driver.name === name);
    if (found) return found;
    const shown = name.slice(0, 40);
    const install = `use the version of banger that made it; this one has ${drivers.map((each) => each.name).join(", ")}`;
    throw fail("VMM_NOT_FOUND", { program: shown, install, reason: `this banger has no driver called ${shown}` });
  };
  const [best, ...others] = drivers;
  /** When none is usable: the best one, whose probe explains why. */
  const chosen = async (): Promise<{ driver: VmmDriver; probe: Probe }> => {
    const first = { driver: best, probe: await best.probe() };
    if (first.probe.usable) return first;
    for (const driver of others) {
      const probe = await driver.probe();
      if (probe.usable) return { driver, probe };
    }
    return first;
  };
  return {
    programs: drivers.flatMap((driver) => driver.programs),
    probe: async () => (await chosen()).probe,
    boot: async (spec, signal) => (await chosen()).driver.boot(spec, signal),
    check: async (save, spec) => named(save.record.driver).check(save, spec),
    restore: async (save, spec, signal, onStarted) => named(save.record.driver).restore(save, spec, signal, onStarted),
    adopt: async (record) => named(record.driver).adopt(record),
    end: async (record) => named(record.driver).end(record),
    postMortem: async (record) => named(record.driver).postMortem(record),
    clean: async (directory) => void (await Promise.all(drivers.map((driver) => driver.clean(directory)))),
    savedNetwork: (record) => named(record.driver).savedNetwork(record),
  };
}
