/** What depends on QEMU's version. Pure. */
import type { Gap } from "../../model/cage.ts";

/** The first version that is supported: `microvm` with ACPI, and `-sandbox` as used here. */
const oldestQemu = [7, 2] as const;

/** The first version that can map a file opened read-only as private and writable (`memory-backend-file,rom=off`). */
const readOnlyMemory = [8, 2] as const;

const writableMemory: Gap = {
  layer: "memory isolation",
  why: "QEMU before 8.2 opens the memory of a template or snapshot for writing",
  leavesOpen: "it can change the memory of other VMs started from the same one",
};

/**
 * What is missing to isolate VMs that are restored from the same save from each other's VMMs; null: nothing, or the version is
 * not known.
 */
export function sharingGap(version: string | null): Gap | null {
  return version !== null && writesMemory(version) ? writableMemory : null;
}

/** Whether QEMU opens the memory file of a save for writing. */
export function writesMemory(version: string): boolean {
  return isOlder(version, readOnlyMemory);
}

/** `7.2.22` from `QEMU emulator version 7.2.22 (Debian …)`. */
export function parseVersion(text: string): string | null {
  return /QEMU emulator version (\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1] ?? null;
}

export function isOlder(version: string, than: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < than[0] || (major === than[0] && minor < than[1]);
}

/** Why a QEMU can't be used, as the end of a sentence, from the output of `--version`; null: it can. */
export function qemuProblem(output: string): string | null {
  const version = parseVersion(output);
  if (version === null) return "does not report a QEMU version";
  return isOlder(version, oldestQemu) ? `is version ${version}, older than ${oldestQemu.join(".")}` : null;
}
