/** What follows from QEMU's version. Pure. */
import type { Gap } from "../../model/cage.ts";

/** `microvm` with ACPI, and `-sandbox` as used here; Ubuntu 22.04 has this version. */
export const oldestQemu = [7, 2] as const;

/** The first version that maps a file privately and writable after it opened it read-only (`memory-backend-file,rom=off`). */
const readOnlyMemory = [8, 2] as const;

const writableMemory: Gap = {
  layer: "memory isolation",
  why: "QEMU before 8.2 opens the memory of a template or snapshot for writing",
  leavesOpen: "it changes the memory of other VMs that began from the same one",
};

/**
 * What is missing to keep a VM from the VMMs of others that are restored from the same save; null: nothing is missing, or
 * the version is not known.
 */
export function sharingGap(version: string | null): Gap | null {
  return version !== null && writesMemory(version) ? writableMemory : null;
}

/** Whether it opens the memory that it restores a VM from for writing. */
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

/** Why a QEMU that says this of its version is of no use, as the end of a sentence; null: it is. */
export function qemuProblem(said: string): string | null {
  const version = parseVersion(said);
  if (version === null) return "does not say which QEMU it is";
  return isOlder(version, oldestQemu) ? `is version ${version}, older than ${oldestQemu.join(".")}` : null;
}
