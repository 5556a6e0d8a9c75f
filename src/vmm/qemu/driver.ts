/** The QEMU driver: `-M microvm` under KVM, or emulated by TCG where there is none. */
import { fail } from "../../base/errors/error.ts";
import { exists, sizeOf } from "../../host/files.ts";
import { isAlive } from "../../host/process.ts";
import { connectUnix, maxSocketPath } from "../../host/socket.ts";
import { vmPaths } from "../../model/paths.ts";
import { connectQmp } from "../../wire/qmp/client.ts";
import type { BootSpec, DriverRecord, Probe, RunningVm, VmExit, VmmDriver } from "../driver.ts";
import { tscKhz } from "../tsc.ts";
import type { Accel } from "./accel.ts";
import { type MemoryBackend, qemuArgs } from "./args.ts";
import { startQemu } from "./boot.ts";
import { kernelCmdline } from "./cmdline.ts";
import { classifyExit } from "./exit.ts";
import { beginLogs, readTails } from "./logs.ts";
import { type ProbeDeps, probeQemu, type QemuProbe } from "./probe.ts";
import { isQemuRecord, type QemuRecord } from "./record.ts";
import { RunningQemu } from "./running.ts";
import { confined } from "./sandbox.ts";

export type QemuDeps = ProbeDeps & {
  /** path of `banger-vsock-agent`, which confines QEMU and measures the TSC */
  agent: string;
  /** where the TSC's frequency is kept */
  tscFile: string;
};

export function createQemuDriver(deps: QemuDeps): VmmDriver {
  return new QemuDriver(deps);
}

class QemuDriver implements VmmDriver {
  readonly name = "qemu";
  readonly #deps: QemuDeps;
  #found: QemuProbe | null = null;

  constructor(deps: QemuDeps) {
    this.#deps = deps;
  }

  /** A QEMU that was found stays known: one that is replaced meanwhile is met by the next daemon. */
  async probe(): Promise<Probe> {
    const probe = this.#found ?? (await probeQemu(this.#deps));
    if (probe.usable) this.#found = probe;
    return probe;
  }

  async boot(spec: BootSpec, signal: AbortSignal): Promise<RunningVm> {
    const probe = await this.#usable();
    const paths = pathsOf(spec.directory);
    const [argv] = await Promise.all([this.#commandLine(spec, probe, paths), beginLogs(paths)]);
    const { process, qmp, exited } = await startQemu({ argv, ...paths }, signal);
    const { version, accel } = probe;
    const record: QemuRecord = { driver: "qemu", version, accel, process, directory: spec.directory };
    return new RunningQemu({ record, qmp, exited, raiseFileLimit: this.#raiseFileLimit });
  }

  restore(): Promise<RunningVm> {
    throw new Error("not yet");
  }

  async adopt(record: DriverRecord): Promise<RunningVm | null> {
    if (!isQemuRecord(record) || !isAlive(record.process)) return null;
    try {
      const qmp = await connectQmp(await connectUnix(vmPaths(record.directory).qmp, 10_000));
      return new RunningQemu({ record, qmp, exited: null, raiseFileLimit: this.#raiseFileLimit });
    } catch (error) {
      if (!isAlive(record.process)) return null;
      throw fail("VMM_UNREACHABLE", { driver: "qemu", pid: record.process.pid, reason: messageOf(error) }, error);
    }
  }

  async postMortem(record: DriverRecord): Promise<VmExit> {
    const tails = await readTails(vmPaths(record.directory));
    return classifyExit({ killCalled: false, shutdown: null, status: null, ...tails });
  }

  async #usable(): Promise<QemuProbe> {
    const probe = await this.probe();
    if (probe.usable) return probe as QemuProbe;
    throw fail("VMM_NOT_FOUND", { program: "QEMU", install: probe.fix, reason: probe.why });
  }

  async #commandLine(spec: BootSpec, probe: QemuProbe, paths: QemuPaths): Promise<string[]> {
    const { accel, program } = probe;
    const [cmdline, firmware, fileLimit, prlimit] = await Promise.all([
      this.#kernelLine(spec, accel),
      firmwareFor(accel),
      fileLimitOf(spec),
      this.#deps.which("prlimit"),
    ]);
    const sockets = { qmp: paths.qmp, agent: paths.agent, boot: paths.boot };
    const memory: MemoryBackend = { kind: "private" };
    const argv = qemuArgs(spec, { program, accel, cmdline, memory, firmware, sockets, serialLog: paths.serialLog });
    return confined(argv, spec, { agent: this.#deps.agent, prlimit, accel, fileLimit });
  }

  async #kernelLine(spec: BootSpec, accel: Accel): Promise<string> {
    const { agent, exec, tscFile } = this.#deps;
    const khz = accel === "tcg" ? await tscKhz({ agent, exec, file: tscFile }) : null;
    return kernelCmdline({ accel, tscKhz: khz, words: ["banger.port=virtio", ...spec.kernelWords] });
  }

  readonly #raiseFileLimit = async (pid: number, bytes: number): Promise<void> => {
    const prlimit = await this.#deps.which("prlimit");
    if (prlimit !== null) await this.#deps.exec([prlimit, "--pid", String(pid), `--fsize=${bytes}:`]);
  };
}

type QemuPaths = ReturnType<typeof pathsOf>;

function pathsOf(directory: string) {
  const paths = { ...vmPaths(directory), boot: `${directory}/boot.sock` };
  const tooLong = [paths.qmp, paths.agent, paths.boot].find((path) => Buffer.byteLength(path) > maxSocketPath);
  if (tooLong !== undefined) throw fail("PATH_TOO_LONG", { path: tooLong, limit: maxSocketPath });
  return paths;
}

/** Where distributions put what belongs to QEMU. */
const qboot = "/usr/share/qemu/qboot.rom";

async function firmwareFor(accel: Accel): Promise<string | null> {
  return accel === "tcg" && (await exists(qboot)) ? qboot : null;
}

/** The largest file that this VM may write is its own disk; logs need some room whatever its size. */
async function fileLimitOf(spec: BootSpec): Promise<number> {
  const disks = await Promise.all(spec.blockDevices.filter((d) => !d.readOnly).map((d) => sizeOf(d.path)));
  return Math.max(64 * 1024 * 1024, ...disks);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
