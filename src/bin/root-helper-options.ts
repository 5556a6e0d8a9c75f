/** What `bangerd root-helper` is told, and who the owner is whom it works for. */
import { fail } from "../base/errors/error.ts";
import { systemPaths } from "../model/paths.ts";
import { requireInstall } from "../system/metadata.ts";
import { daemonUnit } from "../system/units.ts";

export type HelperOptions = {
  metadata: string;
  /** the daemon's unit */
  unit: string;
  socket: string;
};

const names = ["metadata", "unit", "socket"] as const;

/** `--metadata=PATH`, `--unit=NAME` and `--socket=PATH` are for tests: its unit gives none. @throws USAGE */
export function readOptions(argv: readonly string[]): HelperOptions {
  const { metadata, helperSocket } = systemPaths();
  const options = { metadata, unit: daemonUnit, socket: helperSocket };
  for (const word of argv) {
    const name = names.find((one) => word.startsWith(`--${one}=`));
    if (name === undefined)
      throw fail("USAGE", { problem: `root-helper has no option ${word}`, next: "its unit starts it" });
    options[name] = word.slice(name.length + 3);
  }
  return options;
}

/** The owner's uid. @throws SYSTEM_NOT_INSTALLED, SYSTEM_METADATA_INVALID */
export function ownerOf(path: string): number {
  return requireInstall(path).owner.uid;
}
