/** What depends on Firecracker's version. Pure. */
import type { DriverFeatures } from "../driver.ts";

/** The version that banger is tested with. */
export const testedFirecracker = "1.14.1";

/** The first version that is supported. 1.4 brought `PUT /cpu-config`, so each can hide features of the CPU. */
const oldest = [1, 5] as const;
/** Describes its devices by ACPI, which Debian's kernels need: they ignore `virtio_mmio.device=`. */
const acpi = [1, 8] as const;
/** Restores as we do it, and makes sparse saves without tracking writes (`Diff` by mincore(2)). */
const saves = [1, 13] as const;
/** Returns memory that the guest has freed to the host (free page reporting of the balloon). */
const reporting = [1, 14] as const;

/** `1.14.1` from the output's first line, `Firecracker v1.14.1`; null: it is no Firecracker. */
export function parseVersion(firstLine: string): string | null {
  return /^Firecracker v(\d{1,4}\.\d{1,4}\.\d{1,4}(?:-[\w.]{1,32})?)$/.exec(firstLine.trim())?.[1] ?? null;
}

/** Why a Firecracker can't be used, as the end of a sentence; null: it can. */
export function versionProblem(firstLine: string): string | null {
  const version = parseVersion(firstLine);
  if (version === null) return "does not report a version of Firecracker";
  return isOlder(version, oldest) ? `is version ${version}, older than ${oldest.join(".")}` : null;
}

/** What may not work with this version, for `doctor`; null: nothing. */
export function versionCaution(version: string): string | null {
  if (version === testedFirecracker) return null;
  const tested = `banger is tested with ${testedFirecracker}`;
  if (isOlder(version, acpi)) return `it can't boot Debian's kernels before ${acpi.join(".")}; ${tested}`;
  if (isOlder(version, saves)) return `VMs boot cold and can't be saved before ${saves.join(".")}; ${tested}`;
  return tested;
}

export function canSave(version: string): boolean {
  return !isOlder(version, saves);
}

export function hasAcpi(version: string): boolean {
  return !isOlder(version, acpi);
}

export function reportsFreePages(version: string): boolean {
  return !isOlder(version, reporting);
}

export function featuresOf(version: string): DriverFeatures {
  return {
    pause: true,
    snapshots: canSave(version),
    // a vsock connection ends when its VM is saved
    keepsSessions: false,
    growDisk: true,
    savesInPlace: false,
    netDevices: ["agent", "tap"],
    tapTakesDisk: true,
    // it saves nothing of the VMs that a guest runs (src/vmm/src/arch/x86_64/msr.rs: "not tested with nested virtualization")
    nested: false,
    maxDisks,
    maxVcpu,
    vsock: true,
  };
}

/**
 * An x86 guest has 19 interrupt lines (5 to 23, arch/x86_64/layout.rs), one for each device: vsock, entropy, the balloon and the
 * generation id take four. A TAP interface takes one more.
 */
export const maxDisks = 15;
/** MAX_SUPPORTED_VCPUS of src/vmm/src/vmm_config/machine_config.rs */
const maxVcpu = 32;

function isOlder(version: string, than: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < than[0] || (major === than[0] && minor < than[1]);
}
