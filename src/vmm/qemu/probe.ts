/** Which QEMU the host has and what it can do. */

import { probeKvm } from "../../host/kvm.ts";
import { probeCage } from "../../host/process/cage.ts";
import type { Exec } from "../../host/process/exec.ts";
import { askProgram } from "../../host/process/try-program.ts";
import { type Cage, gapsOf } from "../../model/cage.ts";
import type { DriverFeatures, Probe } from "../driver.ts";
import { type AccelFacts, chooseAccel } from "./accel.ts";
import { parseVersion, qemuProblem, sharingGap } from "./version.ts";

export const qemuProgram = "qemu-system-x86_64";

export const qemuFeatures: DriverFeatures = {
  pause: true,
  snapshots: true,
  keepsSessions: true,
  growDisk: true,
  savesInPlace: true,
  netDevices: ["stream", "builtin"],
};

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
