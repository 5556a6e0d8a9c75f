/** Finds the host's QEMU and what it supports. */

import { contentStamp } from "../../host/files/files.ts";
import { probeKvm } from "../../host/kvm/probe.ts";
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
  nested: true,
  netDevices: ["stream", "builtin", "tap"],
  tapTakesDisk: false,
  // microvm has 24 virtio-mmio slots, of which the agent's port, entropy and the network take three; a guest with 24 disks hangs
  maxDisks: 20,
  // microvm's own limit is 288
  maxVcpu: 64,
  vsock: false,
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
  /** default: looks at the host's `/dev/kvm` */
  kvm?: () => Promise<AccelFacts["kvm"]>;
  /** default: of the file itself, so that a program that is replaced has another */
  stampOf?: (path: string) => Promise<string>;
};

/** The probe of a usable QEMU, with the path of its program and its cage. */
export type QemuProbe = Extract<Probe, { usable: true }> & { program: string; cage: Cage };
type Unusable = Extract<Probe, { usable: false }>;

/** What depends on the program alone. */
type Program = { program: string; version: string; cage: Cage };

/**
 * The version is asked for once for each file of QEMU, and the cage with it. `/dev/kvm` is looked at each time: the rights
 * to it come and go with log-ins, and its module can be loaded at any time.
 */
export class QemuProber {
  readonly #deps: ProbeDeps;
  #known: { stamp: string; found: Program } | null = null;

  constructor(deps: ProbeDeps) {
    this.#deps = deps;
  }

  /** @throws VMM_ACCEL_INVALID, VMM_KVM_UNUSABLE */
  async probe(): Promise<QemuProbe | Unusable> {
    const path = await this.#deps.which(qemuProgram);
    if (path === null) return { usable: false, why: `${qemuProgram} is not installed`, fix: installQemu };
    const [found, kvm] = await Promise.all([this.#find(path), (this.#deps.kvm ?? probeKvm)()]);
    if ("usable" in found) return found;
    const accel = chooseAccel({ requested: this.#deps.env["BANGER_VMM_ACCEL"], kvm });
    const { version, cage } = found;
    // QEMU emulates AMD's SVM itself
    const features = { ...qemuFeatures, nested: accel.accel === "tcg" || (kvm.usable && kvm.nested) };
    const facts = { driver: "qemu", ...found, ...accel, features };
    return { usable: true, ...facts, gaps: gapsOf(cage), sharing: sharingGap(version) };
  }

  async #find(path: string): Promise<Program | Unusable> {
    // QEMU looks for modules and firmware next to the path it is started by, and in the cage a symbolic link may not resolve
    const program = await this.#deps.realPath(path);
    const stamp = `${program} ${await (this.#deps.stampOf ?? contentStamp)(program)}`;
    if (this.#known?.stamp === stamp) return this.#known.found;
    const found = await ask(this.#deps, program);
    if (!("usable" in found)) this.#known = { stamp, found };
    return found;
  }
}

async function ask({ exec, agent }: ProbeDeps, program: string): Promise<Program | Unusable> {
  const [answer, cage] = await Promise.all([askProgram(exec, [program, "--version"]), probeCage(exec, agent)]);
  const problem = answer.failure ?? qemuProblem(answer.said);
  const version = parseVersion(answer.said);
  if (problem !== null || version === null) return { usable: false, why: `${program} ${problem}`, fix: installQemu };
  if (cage === null) return { usable: false, why: `${agent} does not answer`, fix: installAgent };
  return { program, version, cage };
}
