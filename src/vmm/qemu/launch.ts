/** Builds the complete command of one QEMU: cage, kernel command line, firmware and limits, looked up on the host. */

import { fail } from "../../base/errors/error.ts";
import { exists, sizeOf } from "../../host/files/files.ts";
import type { Exec } from "../../host/process/exec.ts";
import { diskArgument, virtioDiskName } from "../disks.ts";
import type { BootSpec } from "../driver.ts";
import { fileLimitOf } from "../file-limit.ts";
import { tscKhz } from "../tsc.ts";
import type { VmCgroups } from "../vm-cgroups.ts";
import type { Accel } from "./accel.ts";
import { type MemoryBackend, qemuArgs } from "./args.ts";
import { kernelCmdline } from "./cmdline.ts";
import type { GuestCpu } from "./cpu.ts";
import { qemuPaths } from "./paths.ts";
import type { QemuProbe } from "./probe.ts";
import { confined } from "./sandbox.ts";
import { inheritedSockets } from "./sockets.ts";
import { writesMemory } from "./version.ts";

export type LaunchDeps = {
  exec: Exec;
  /** path of `banger-vsock-agent`, which confines QEMU and measures the TSC frequency */
  agent: string;
  /** file that caches the TSC frequency */
  tscFile: string;
  /** null: VMs have no control groups of their own */
  cgroups?: VmCgroups | null;
};

/** @param from memory file of the save to restore; null: boots a kernel */
export async function launchCommand(
  deps: LaunchDeps,
  probe: QemuProbe,
  spec: BootSpec,
  from: string | null,
  cpu: GuestCpu,
): Promise<string[]> {
  const { accel, program } = probe;
  const paths = qemuPaths(spec.directory);
  const [cmdline, firmware, fileLimit, cgroup] = await Promise.all([
    from === null ? cmdlineFor(deps, spec, accel) : null,
    firmwareFor(accel),
    fileLimitOf(spec),
    deps.cgroups?.ensure(spec) ?? null,
  ]);
  const memory = from === null ? bootMemory(spec) : savedMemory(from, probe.version);
  const { sockets, inherited } = inheritedSockets(paths, spec.net);
  const argv = qemuArgs(spec, { program, accel, cpu, cmdline, memory, firmware, sockets, serialLog: paths.serialLog });
  return confined(argv, spec, { agent: deps.agent, cage: probe.cage, accel, fileLimit, cgroup, memory, inherited });
}

function bootMemory(spec: BootSpec): MemoryBackend {
  return spec.memory === undefined ? { kind: "private" } : { kind: "shared", path: spec.memory.path };
}

function savedMemory(path: string, version: string): MemoryBackend {
  return { kind: "saved", path, opened: writesMemory(version) ? "read-write" : "read-only" };
}

async function cmdlineFor(deps: LaunchDeps, spec: BootSpec, accel: Accel): Promise<string> {
  const [khz, sizes] = await Promise.all([
    accel === "tcg" ? tscKhz({ agent: deps.agent, exec: deps.exec, file: deps.tscFile }) : null,
    Promise.all(spec.blockDevices.map(({ path }) => sizeOf(path))).catch((error: Error) => {
      throw fail("VMM_START_FAILED", { driver: "qemu", reason: error.message });
    }),
  ]);
  const disks = diskArgument(spec.blockDevices, sizes, virtioDiskName);
  return kernelCmdline({ accel, tscKhz: khz, args: ["banger.port=virtio", disks, ...spec.kernelArgs] });
}

/** Where distributions install QEMU's files. */
const qboot = "/usr/share/qemu/qboot.rom";

async function firmwareFor(accel: Accel): Promise<string | null> {
  return accel === "tcg" && (await exists(qboot)) ? qboot : null;
}
