/** Which QEMU the host has and what it can do. */

import { probeCage } from "../../host/cage.ts";
import type { Exec } from "../../host/exec.ts";
import { probeKvm } from "../../host/kvm.ts";
import { type Cage, gapsOf } from "../../model/cage.ts";
import type { DriverFeatures, Probe } from "../driver.ts";
import { type AccelFacts, chooseAccel } from "./accel.ts";
import { writableMemory } from "./confinement.ts";

export const qemuProgram = "qemu-system-x86_64";

/** The first version that maps a file that it can't write to so that the guest writes to copies. */
const readOnlyMemory = [8, 2] as const;

/** `microvm` with ACPI, and `-sandbox` as used here; Ubuntu 22.04 has this version. */
export const oldestQemu = [7, 2] as const;

export const qemuFeatures: DriverFeatures = { pause: true, snapshots: true, keepsSessions: true, growDisk: true };

export const installQemu =
  "install QEMU: `apt install qemu-system-x86`, `dnf install qemu-system-x86-core`, `pacman -S qemu-system-x86` or `zypper install qemu-x86`";

const installAgent = "put banger-vsock-agent beside banger, or set BANGER_AGENT to its path";

export type ProbeDeps = {
  exec: Exec;
  which: (program: string) => Promise<string | null>;
  /** where a path leads when every link in it is followed */
  realPath: (path: string) => Promise<string>;
  /** path of `banger-vsock-agent`, which knows what confines a process here */
  agent: string;
  /** `BANGER_VMM_ACCEL` is looked at */
  env: Readonly<Record<string, string | undefined>>;
  /** default: asks the host's `/dev/kvm` */
  kvm?: () => Promise<AccelFacts["kvm"]>;
};

/** A usable QEMU's probe, with the path of the program and the cage that it will be in. */
export type QemuProbe = Extract<Probe, { usable: true }> & { program: string; cage: Cage };

export async function probeQemu(deps: ProbeDeps): Promise<QemuProbe | Extract<Probe, { usable: false }>> {
  const found = await deps.which(qemuProgram);
  if (found === null) return { usable: false, why: `${qemuProgram} is not installed`, fix: installQemu };
  // QEMU looks for its modules and firmware beside the path that it is started by, and in the cage no link leads there
  const program = await deps.realPath(found);
  const [said, kvm, cage] = await Promise.all([
    deps.exec([program, "--version"], { timeoutMs: 10_000 }),
    (deps.kvm ?? probeKvm)(),
    probeCage(deps.exec, deps.agent),
  ]);
  const version = said.exitCode === 0 ? parseVersion(new TextDecoder().decode(said.stdout)) : null;
  if (version === null) return { usable: false, why: `${program} --version failed`, fix: installQemu };
  if (isOlder(version, oldestQemu)) {
    return {
      usable: false,
      why: `${program} is version ${version}, older than ${oldestQemu.join(".")}`,
      fix: installQemu,
    };
  }
  if (cage === null) return { usable: false, why: `${deps.agent} does not answer`, fix: installAgent };
  const { accel, why } = chooseAccel({ wish: deps.env["BANGER_VMM_ACCEL"], kvm });
  const sharing = writesMemory(version) ? { sharing: writableMemory } : {};
  return { usable: true, program, version, accel, why, features: qemuFeatures, cage, gaps: gapsOf(cage), ...sharing };
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
