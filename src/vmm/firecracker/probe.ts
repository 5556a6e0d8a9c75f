/** Finds the host's Firecracker and what it supports. */
import { contentStamp, exists, readStart } from "../../host/files/files.ts";
import type { KvmProbe } from "../../host/kvm/judge.ts";
import { probeKvm } from "../../host/kvm/probe.ts";
import { probeCage } from "../../host/process/cage.ts";
import type { Exec } from "../../host/process/exec.ts";
import { askProgram, nonProgram } from "../../host/process/try-program.ts";
import { type Cage, gapsOf } from "../../model/cage.ts";
import type { Probe } from "../driver.ts";
import { architectureProblem, signalsOnlyItself, startBytes } from "./program.ts";
import { featuresOf, parseVersion, versionCaution, versionProblem } from "./version.ts";

export type ProbeDeps = {
  exec: Exec;
  which: (program: string) => Promise<string | null>;
  /** resolves all symbolic links in a path */
  realPath: (path: string) => Promise<string>;
  /** path of `banger-vsock-agent`, which probes the layers of the cage */
  agent: string;
  /** `BANGER_VMM_ACCEL` is read from it */
  env: Readonly<Record<string, string | undefined>>;
  /** the path that the config names; null: it is looked for in PATH */
  program: () => Promise<string | null>;
  /** default: probes the host's `/dev/kvm` */
  kvm?: () => Promise<KvmProbe>;
  /** what to type where there is none that can be used */
  install: string;
};

type Usable = Extract<Probe, { usable: true }>;
type Unusable = Extract<Probe, { usable: false }>;

/** The probe of a usable Firecracker, with the path of its program, its cage, and whether that needs a supervisor for signals. */
export type FirecrackerProbe = Usable & { program: string; cage: Cage; supervised: boolean };

/** A program that was asked for its version. */
type Found = { usable: true; program: string; version: string; signalsOnlyItself: boolean };

/** Probes at each start: only what a program says of itself is kept, for as long as its file stays the same. */
export class FirecrackerProber {
  readonly #deps: ProbeDeps;
  #known: { stamp: string; found: Found } | null = null;
  #cage: Cage | null = null;

  constructor(deps: ProbeDeps) {
    this.#deps = deps;
  }

  async probe(): Promise<FirecrackerProbe | Unusable> {
    const { env, kvm = probeKvm, exec, agent } = this.#deps;
    if (env["BANGER_VMM_ACCEL"] === "tcg") return { usable: false, why: "Firecracker can't emulate", fix: useKvm };
    const found = await this.#find();
    if (!found.usable) return found;
    const device = await kvm();
    if (!device.usable) return { usable: false, why: `Firecracker needs KVM: ${device.why}`, fix: device.fix };
    this.#cage ??= await probeCage(exec, agent);
    if (this.#cage === null) return { usable: false, why: `${agent} does not answer`, fix: installAgent };
    return usableProbe(found, this.#cage);
  }

  async #find(): Promise<Found | Unusable> {
    const named = await this.#deps.program();
    const path = named ?? (await this.#deps.which(name));
    if (path === null) return this.#unusable(notFound(nonProgram(name, this.#deps.env["PATH"])));
    if (!(await exists(path))) return this.#unusable(`${path} does not exist`);
    const program = await this.#deps.realPath(path);
    const stamp = `${program} ${await contentStamp(program)}`;
    if (this.#known?.stamp === stamp) return this.#known.found;
    const problem = await this.#problemOf(program);
    if (typeof problem === "string") return this.#unusable(`${program} ${problem}`);
    this.#known = { stamp, found: problem };
    return problem;
  }

  /** Why it can't be used, as the end of a sentence. */
  async #problemOf(program: string): Promise<string | Found> {
    // asked first: with binfmt_misc a program of another architecture would start, and fail later
    const start = await readStart(program, startBytes).catch(() => null);
    const architecture = start && architectureProblem(start);
    if (architecture !== null) return architecture;
    const answer = await askProgram(this.#deps.exec, [program, "--version"]);
    const problem = answer.failure ?? versionProblem(answer.said);
    if (problem !== null) return problem;
    const version = parseVersion(answer.said) ?? "";
    return { usable: true, program, version, signalsOnlyItself: start !== null && signalsOnlyItself(start) };
  }

  #unusable(why: string): Unusable {
    return { usable: false, why, fix: this.#deps.install };
  }
}

const name = "firecracker";

function notFound(file: string | null): string {
  return file === null ? `${name} is not installed` : `${file} is not executable for this user`;
}

/** Landlock's version that keeps a program's signals to itself (Linux 6.12). */
const signalScopes = 6;

/**
 * To stop a CPU, Firecracker signals the thread that runs it; the cage lets it do so where that can reach no other process. A supervisor
 * is there for each program, also for one that seems not to need it: it may be a script that starts another.
 */
function usableProbe({ program, version, signalsOnlyItself }: Found, cage: Cage): FirecrackerProbe {
  const supervised = cage.landlock < signalScopes && cage.signals === null;
  const canPause = signalsOnlyItself || cage.signals === null;
  const all = featuresOf(version);
  const features = { ...all, pause: canPause, snapshots: canPause && all.snapshots };
  const caution = canPause ? versionCaution(version) : unpausable(cage.signals);
  const facts = { driver: "firecracker", program, version, accel: "kvm" as const, why: "", features, cage, supervised };
  return { usable: true, ...facts, gaps: gapsOf(cage), sharing: null, ...(caution !== null && { caution }) };
}

const unpausable = (why: string | null) =>
  `it can't be paused or saved in its cage, unless it is built with glibc: on kernels before 6.12 that takes a supervisor (${why})`;
const installAgent = "put banger-vsock-agent beside banger, or set BANGER_AGENT to its path";
const useKvm = "unset BANGER_VMM_ACCEL, or use QEMU";
