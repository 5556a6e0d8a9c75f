/** Combines the drivers of this host: the driver named in a VM's record handles it. */
import { fail } from "../base/errors/error.ts";
import type { VmmDriver, VmmDrivers } from "./driver.ts";

/** @param drivers best first, at least one */
export function combineDrivers(drivers: readonly [VmmDriver, ...VmmDriver[]]): VmmDrivers {
  return {
    all: drivers,
    programs: drivers.flatMap((driver) => driver.programs),
    named(name) {
      const found = drivers.find((driver) => driver.name === name);
      if (found) return found;
      const shown = name.slice(0, 40);
      const install = `use the version of banger that made it; this one has ${drivers.map((each) => each.name).join(", ")}`;
      throw fail("VMM_NOT_FOUND", { program: shown, install, reason: `this banger has no driver called ${shown}` });
    },
    clean: async (directory) => void (await Promise.all(drivers.map((driver) => driver.clean(directory)))),
  };
}
