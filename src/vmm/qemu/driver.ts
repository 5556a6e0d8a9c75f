/** The QEMU driver: `-M microvm` with KVM, or emulated with TCG. */
import { fail } from "../../base/errors/error.ts";
import { removeTree, removeTrees } from "../../host/files/files.ts";
import { makeHoles } from "../../host/files/sparse-file.ts";
import { connectUnix } from "../../host/net/socket.ts";
import { isOfEarlierBoot } from "../../host/process/boot.ts";
import { isAlive, signalProcess } from "../../host/process/children.ts";
import { waitForExit } from "../../host/process/end.ts";
import { connectQmp, type Qmp } from "../../wire/qmp/client.ts";
import type { Confinement } from "../confinement.ts";
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
import { checkHost, type HostFacts, hostFactsOf } from "../host-facts.ts";
import { beginLogs, readTails } from "../logs.ts";
import { withHost } from "../process-end.ts";
import { checkSave } from "../save-files.ts";
import { networkOfShape } from "../shape.ts";
import { tscKhz } from "../tsc.ts";
import { type Accel, requireSameAccel } from "./accel.ts";
import { startQemu } from "./boot.ts";
import { requireCage } from "./confinement.ts";
import { cpuOfSave, type GuestCpu } from "./cpu.ts";
import { classifyExit } from "./exit.ts";
import { type LaunchDeps, launchCommand } from "./launch.ts";
import { qemuFiles, qemuPaths, socketsIn } from "./paths.ts";
import { type ProbeDeps, type QemuProbe, QemuProber } from "./probe.ts";
import { isQemuRecord, type QemuRecord, savingOf } from "./record.ts";
import { loadState } from "./restore.ts";
import { type RunningParts, RunningQemu, unreachable } from "./running.ts";
import { readStop } from "./stopped.ts";

export type QemuDeps = ProbeDeps &
  LaunchDeps & {
    /** `required`: no VMM starts when a layer of its cage is missing */
    confinement: () => Promise<Confinement>;
  };

export function createQemuDriver(deps: QemuDeps): VmmDriver {
  return new QemuDriver(deps);
}

type Shaped = Parameters<VmmDriver["check"]>[1];

class QemuDriver implements VmmDriver {
  readonly name = "qemu";
  /** QEMU, and the program that confines it */
  readonly programs = ["qemu-system-", "banger-vsock-agent"];
  readonly #deps: QemuDeps;
  readonly #prober: QemuProber;

  constructor(deps: QemuDeps) {
    this.#deps = deps;
    this.#prober = new QemuProber(deps);
  }

  probe(): Promise<Probe> {
    return this.#prober.probe();
  }

  async boot(spec: BootSpec, signal: AbortSignal): Promise<RunningVm> {
    const probe = await this.#usable();
    signal.throwIfAborted();
    if (spec.memory) await makeHoles(spec.memory.path, spec.memoryMib * 1024 * 1024);
    try {
      return await this.#start(spec, probe, null, signal);
    } catch (error) {
      if (spec.memory) await removeTree(spec.memory.path);
      throw error;
    }
  }

  async restore(save: Save, spec: BootSpec, signal: AbortSignal, onStarted = () => {}): Promise<RunningVm> {
    const probe = await this.#usable();
    signal.throwIfAborted();
    const state = await this.#checked(save, spec, probe);
    return this.#start(
      spec,
      probe,
      { memory: save.files.memory, state, cpu: cpuOfSave(save.record), onStarted },
      signal,
    );
  }

  async check(save: Save, spec: Shaped): Promise<void> {
    await this.#checked(save, spec, await this.#usable());
  }

  /** @returns the device state */
  async #checked(save: Save, spec: Shaped, { version, accel, why, fix }: QemuProbe): Promise<Uint8Array> {
    requireSameAccel(save.record, { driver: "qemu", version, accel, why, ...(fix !== undefined && { fix }) });
    const state = await checkSave(save, spec, { driver: "qemu", version, accel });
    checkHost(save.record, await this.#hostFacts(accel));
    return state;
  }

  async adopt(record: DriverRecord): Promise<RunningVm | null> {
    if (!isQemuRecord(record) || !isAlive(record.process)) return null;
    try {
      signalProcess(record.process, "SIGCONT");
      return await this.#takeOver(record);
    } catch (error) {
      if (!isAlive(record.process)) return null;
      throw unreachable(record, error);
    }
  }

  /** Closes the monitor's connection on failure: QEMU accepts the next one only then. */
  async #takeOver(record: QemuRecord): Promise<RunningVm> {
    const qmp = await connectQmp(await connectUnix(qemuFiles(record.directory).qmp, 10_000));
    try {
      return this.#running(record, { qmp, exited: null, agentUsed: true, stopped: await readStop(qmp, null) });
    } catch (error) {
      qmp.close();
      throw error;
    }
  }

  async end({ process }: DriverRecord): Promise<void> {
    signalProcess(process, "SIGKILL");
    await waitForExit(process);
  }

  async postMortem(record: DriverRecord): Promise<VmExit> {
    const tails = await readTails(qemuFiles(record.directory));
    const exit = classifyExit({ killCalled: false, shutdown: null, isWatched: false, status: null, ...tails });
    return withHost(exit, isOfEarlierBoot(record.process));
  }

  async clean(directory: string): Promise<void> {
    await removeTrees(socketsIn(directory));
    await this.#deps.cgroups?.remove(directory);
  }

  savedNetwork({ shape }: SaveRecord): NetDevice["kind"] | null {
    return networkOfShape(shape);
  }

  async #usable(): Promise<QemuProbe> {
    const probe = await this.#prober.probe();
    if (probe.usable) return probe;
    throw fail("VMM_NOT_FOUND", { program: "QEMU", install: probe.fix, reason: probe.why });
  }

  async #start(spec: BootSpec, probe: QemuProbe, from: Loaded | null, signal: AbortSignal): Promise<RunningVm> {
    // no other VM uses a save in the VM's own folder
    const isShared = from !== null && !from.memory.startsWith(`${spec.directory}/`);
    const gaps = isShared && probe.sharing !== null ? [...probe.gaps, probe.sharing] : probe.gaps;
    await requireCage(spec, gaps, this.#deps.confinement);
    const paths = qemuPaths(spec.directory);
    const cpu = from?.cpu ?? (spec.nested ? "nested" : "basic");
    const launched = launchCommand(this.#deps, probe, spec, from?.memory ?? null, cpu);
    const [argv] = await Promise.all([launched, beginLogs(paths)]);
    const prepare = from && loading(from);
    const { process, qmp, exited } = await startQemu({ argv, ...paths, ...(prepare && { prepare }) }, signal);
    const { version, accel } = probe;
    const saving = savingOf(spec, from !== null, cpu);
    const record: QemuRecord = { driver: "qemu", version, accel, process, directory: spec.directory, saving };
    return this.#running(record, { qmp, exited, agentUsed: from !== null, stopped: null });
  }

  #running(record: QemuRecord, parts: Omit<RunningParts, "record" | "hostFacts">): RunningVm {
    const hostFacts = () => this.#hostFacts(record.accel);
    return new RunningQemu({ ...parts, record, hostFacts });
  }

  async #hostFacts(accel: Accel): Promise<HostFacts> {
    const { agent, exec, tscFile } = this.#deps;
    return hostFactsOf(accel, accel === "tcg" ? await tscKhz({ agent, exec, file: tscFile }) : null);
  }
}

/** The save that a VM is loaded from. */
type Loaded = { /** path */ memory: string; state: Uint8Array; cpu: GuestCpu; onStarted(): void };

function loading({ state, onStarted }: Loaded) {
  return (qmp: Qmp) => {
    onStarted();
    return loadState(qmp, state);
  };
}
