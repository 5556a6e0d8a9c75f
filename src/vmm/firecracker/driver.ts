/** The Firecracker driver: KVM only, and a vsock for everything between host and guest. */
import { fail } from "../../base/errors/error.ts";
import { contentStamp, removeTrees } from "../../host/files/files.ts";
import { replaceLink } from "../../host/files/links.ts";
import { type CpuFeatures, kvmFeatures } from "../../host/kvm/cpu.ts";
import { connectUnix } from "../../host/net/socket.ts";
import { isOfEarlierBoot } from "../../host/process/boot.ts";
import { isAlive, signalProcess } from "../../host/process/children.ts";
import { waitForExit } from "../../host/process/end.ts";
import { hasSwap } from "../../host/swap.ts";
import { connectApi, type FirecrackerApi } from "../../wire/firecracker/client.ts";
import { type Confinement, requireNoGaps } from "../confinement.ts";
import type {
  BootSpec,
  DriverRecord,
  NetDevice,
  Probe,
  RunningVm,
  Save,
  SaveRecord,
  VmExit,
  VmmDriver,
} from "../driver.ts";
import { fileLimitOf } from "../file-limit.ts";
import { checkHost, hostFactsOf } from "../host-facts.ts";
import { withHost } from "../process-end.ts";
import { checkSave, saverName } from "../save-files.ts";
import { networkOfShape } from "../shape.ts";
import type { VmCgroups } from "../vm-cgroups.ts";
import { bootVm } from "./boot.ts";
import { hiddenBits } from "./cpu.ts";
import { classifyExit } from "./exit.ts";
import { requireBootable } from "./kernel.ts";
import { launchCommand } from "./launch.ts";
import { firecrackerFiles, firecrackerPaths, leftoversIn, socketsIn } from "./paths.ts";
import { type FirecrackerProbe, FirecrackerProber, type ProbeDeps } from "./probe.ts";
import { type FirecrackerRecord, isFirecrackerRecord, savingOf } from "./record.ts";
import { type Loaded, loadSave } from "./restore.ts";
import { RunningFirecracker, type RunningParts, unreachable } from "./running.ts";
import { startFirecracker } from "./start.ts";
import { readTails } from "./tails.ts";
import { canSave } from "./version.ts";

export type FirecrackerDeps = ProbeDeps & {
  /** `required`: no VMM starts when a layer of its cage is missing */
  confinement: () => Promise<Confinement>;
  /** default: asks KVM; null: it does not say */
  cpuFeatures?: () => CpuFeatures | null;
  /** default: looks at the host's swap */
  hasSwap?: () => Promise<boolean>;
  /** time limit of each request in `ms`; default: that of the client */
  answerMs?: number;
  /** null: VMs have no control groups of their own */
  cgroups?: VmCgroups | null;
};

export function createFirecrackerDriver(deps: FirecrackerDeps): VmmDriver {
  return new FirecrackerDriver(deps);
}

type Shaped = Parameters<VmmDriver["check"]>[1];

class FirecrackerDriver implements VmmDriver {
  readonly name = "firecracker";
  /** Firecracker, and the program that confines it */
  readonly programs = ["firecracker", "banger-vsock-agent"];
  readonly #deps: FirecrackerDeps;
  readonly #prober: FirecrackerProber;

  constructor(deps: FirecrackerDeps) {
    this.#deps = deps;
    this.#prober = new FirecrackerProber(deps);
  }

  probe(): Promise<Probe> {
    return this.#prober.probe();
  }

  async boot(spec: BootSpec, signal: AbortSignal): Promise<RunningVm> {
    const probe = await this.#usable();
    signal.throwIfAborted();
    await requireBootable(spec.vmlinux, probe.version);
    return this.#start(spec, probe, null, signal);
  }

  async restore(save: Save, spec: BootSpec, signal: AbortSignal, onStarted = () => {}): Promise<RunningVm> {
    const probe = await this.#usable();
    signal.throwIfAborted();
    const state = await this.#checked(save, spec, probe);
    const tap = spec.net?.kind === "tap" ? spec.net.name : null;
    return this.#start(spec, probe, { memory: save.files.memory, state, tap, onStarted }, signal);
  }

  async check(save: Save, spec: Shaped): Promise<void> {
    await this.#checked(save, spec, await this.#usable());
  }

  /** @returns the device state */
  async #checked(save: Save, spec: Shaped, { version }: FirecrackerProbe): Promise<Uint8Array> {
    const present = { driver: this.name, version, accel: "kvm" as const };
    const state = await checkSave(save, spec, present);
    if (!canSave(version)) throw fail("SAVE_VERSION", { saved: saverName(save.record), present: saverName(present) });
    checkHost(save.record, await hostFactsOf("kvm", null));
    return state;
  }

  async adopt(record: DriverRecord): Promise<RunningVm | null> {
    if (!isFirecrackerRecord(record) || !isAlive(record.process)) return null;
    try {
      return await this.#takeOver(record);
    } catch (error) {
      if (!isAlive(record.process)) return null;
      throw unreachable(record, error);
    }
  }

  async #takeOver(record: FirecrackerRecord): Promise<RunningVm> {
    const line = await connectUnix(firecrackerFiles(record.directory).api, adoptMs);
    const api = connectApi(line, this.#deps.answerMs);
    try {
      const isPaused = (await api.state()) === "Paused";
      return this.#running({ record, api, exited: null, isPaused });
    } catch (error) {
      api.close();
      throw error;
    }
  }

  async end({ process }: DriverRecord): Promise<void> {
    signalProcess(process, "SIGKILL");
    await waitForExit(process);
  }

  async postMortem(record: DriverRecord): Promise<VmExit> {
    const tails = await readTails(firecrackerFiles(record.directory));
    const exit = classifyExit({ killCalled: false, hasHalted: false, status: null, ...tails });
    return withHost(exit, isOfEarlierBoot(record.process));
  }

  async clean(directory: string): Promise<void> {
    await removeTrees([...socketsIn(directory), ...leftoversIn(directory)]);
    await this.#deps.cgroups?.remove(directory);
  }

  savedNetwork({ shape }: SaveRecord): NetDevice["kind"] | null {
    return networkOfShape(shape);
  }

  async #usable(): Promise<FirecrackerProbe> {
    const probe = await this.#prober.probe();
    if (probe.usable) return probe;
    throw fail("VMM_NOT_FOUND", { program: "Firecracker", install: probe.fix, reason: probe.why });
  }

  async #start(spec: BootSpec, probe: FirecrackerProbe, from: Loaded | null, signal: AbortSignal): Promise<RunningVm> {
    if (spec.net !== null && !probe.features.netDevices.includes(spec.net.kind))
      throw new RangeError(`Firecracker has no ${spec.net.kind} network`);
    await requireNoGaps(probe.gaps, this.#deps.confinement);
    const paths = firecrackerPaths(spec.directory);
    const { agent, answerMs, cgroups } = this.#deps;
    const [fileSize, loaded, cgroup] = await Promise.all([
      fileLimitOf(spec),
      from && contentStamp(from.memory),
      cgroups?.ensure(spec) ?? null,
      ...spec.blockDevices.map(({ path }, index) => replaceLink(path, paths.disk(index))),
    ]);
    const argv = launchCommand(spec, { agent, probe, paths, fileSize, cgroup, memory: from?.memory ?? null });
    // a restored guest has the CPU that it was saved with
    const hidden = from === null ? hiddenBits(this.#offeredCpu()) : [];
    const prepare = (api: FirecrackerApi) =>
      from === null ? bootVm(api, spec, { version: probe.version, hidden }) : loadSave(api, paths, from);
    const { process, api, exited } = await startFirecracker({ argv, paths, prepare, answerMs }, signal);
    const { version } = probe;
    const saving = savingOf(spec, loaded);
    const record: FirecrackerRecord = { driver: "firecracker", version, process, directory: spec.directory, saving };
    return this.#running({ record, api, exited, isPaused: from !== null });
  }

  /** @throws VMM_START_FAILED, as nothing can be hidden from a guest then */
  #offeredCpu(): CpuFeatures {
    const features = (this.#deps.cpuFeatures ?? kvmFeatures)();
    if (features) return features;
    throw fail("VMM_START_FAILED", { driver: this.name, reason: "KVM does not say what it offers of the CPU" });
  }

  #running(parts: Omit<RunningParts, "hasSwap" | "hostFacts">): RunningVm {
    const look = this.#deps.hasSwap ?? hasSwap;
    return new RunningFirecracker({ ...parts, hasSwap: look, hostFacts: () => hostFactsOf("kvm", null) });
  }
}

/** A Firecracker that runs accepts at once. */
const adoptMs = 10_000;
