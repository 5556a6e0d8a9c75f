/** Finds the host's QEMU and what it supports. */

import { probeKvm } from "../../host/kvm.ts";
import { probeCage } from "../../host/process/cage.ts";
import type { Exec } from "../../host/process/exec.ts";
import { askProgram } from "../../host/process/try-program.ts";
import { type Cage, gapsOf } from "../../model/cage.ts";
import type { DriverFeatures, Probe } from "../driver.ts";
import { type AccelFacts, chooseAccel } from "./accel.ts";
import { parseVersion, qemuProblem, sharingGap } from "./version.ts";

const qemuProgram = "qemu-system-x86_64";

export const qemuFeatures: DriverFeatures = {
  pause: true,
  snapshots: true,
  keepsSessions: true,
  growDisk: true,
  savesInPlace: true,
  netDevices: ["stream", "builtin"],
  // microvm has 24 virtio-mmio slots, of which the agent's port, entropy and the network take three; a guest with 24 disks hangs
  maxDisks: 20,
};

const installQemu =
  "install QEMU: `apt install qemu-system-x86`, `dnf install qemu-system-x86-core`, `pacman -S qemu-system-x86` or `zypper install qemu-x86`";

const installAgent = "put banger-vsock-agent beside banger, or set BANGER_AGENT to its path";

export type ProbeDeps = {
  exec: Exec;
  which: (program: string) => Promise<string | null>;
  /** resolves all symbolic links in a path */
  realPath: (path: string) => Promise<string>;
  /** path of `banger-vsock-agent`, which probes the layers of the cage */
  agent: string;
  /** `BANGER_VMM_ACCEL` is read from it */
  env: Readonly<Record<string, string | undefined>>;
  /** default: probes the host's `/dev/kvm` */
  kvm?: () => Promise<AccelFacts["kvm"]>;
};

/** The probe of a usable QEMU, with the path of its program and its cage. */
export type QemuProbe = Extract<Probe, { usable: true }> & { program: string; cage: Cage };

export async function probeQemu(deps: ProbeDeps): Promise<QemuProbe | Extract<Probe, { usable: false }>> {
  const found = await deps.which(qemuProgram);
  if (found === null) return { usable: false, why: `${qemuProgram} is not installed`, fix: installQemu };
  // QEMU looks for modules and firmware next to the path it is started by, and in the cage a symbolic link may not resolve
  const program = await deps.realPath(found);
  const [answer, kvm, cage] = await Promise.all([
    askProgram(deps.exec, [program, "--version"]),
    (deps.kvm ?? probeKvm)(),
    probeCage(deps.exec, deps.agent),
  ]);
  const problem = answer.failure ?? qemuProblem(answer.said);
  const version = parseVersion(answer.said);
  if (problem !== null || version === null) return { usable: false, why: `${program} ${problem}`, fix: installQemu };
  if (cage === null) return { usable: false, why: `${deps.agent} does not answer`, fix: installAgent };
  const accel = chooseAccel({ requested: deps.env["BANGER_VMM_ACCEL"], kvm });
  const facts = { driver: "qemu", program, version, ...accel, features: qemuFeatures, cage };
  return { usable: true, ...facts, gaps: gapsOf(cage), sharing: sharingGap(version) };
}
