/** Builds the complete command of one Firecracker: its cage, its working directory and its limits. */
import { type CageLimits, cageCommand, diskPaths, mib, systemPaths } from "../cage.ts";
import type { BootSpec } from "../driver.ts";
import type { FirecrackerPaths } from "./paths.ts";
import { names } from "./paths.ts";
import type { FirecrackerProbe } from "./probe.ts";

export type LaunchFacts = {
  /** path of `banger-vsock-agent` */
  agent: string;
  probe: FirecrackerProbe;
  paths: FirecrackerPaths;
  /** maximum size in bytes of any file that it writes */
  fileSize: number;
  /** folder of its control group; null: none */
  cgroup: string | null;
  /** memory file of the save to restore; null: it boots */
  memory: string | null;
};

/** Its default filters of system calls stay on, inside of ours. */
export function launchCommand(
  spec: BootSpec,
  { agent, probe, paths, fileSize, cgroup, memory }: LaunchFacts,
): string[] {
  const { program, cage, supervised } = probe;
  const hasTap = spec.net?.kind === "tap";
  const isInstalled = systemPaths.some((path) => program.startsWith(`${path}/`));
  const argv = [program, "--api-sock", names.api, "--id", spec.id, "--log-path", paths.vmmLog, "--level", "Error"];
  return cageCommand(argv, spec, {
    agent,
    cage,
    readable: [
      ...(isInstalled ? [] : [program]),
      ...(memory === null ? [spec.vmlinux, spec.initramfs] : [memory]),
      ...diskPaths(spec, true),
    ],
    writable: diskPaths(spec, false),
    devices: ["/dev/kvm", "/dev/urandom", "/dev/null", ...(hasTap ? ["/dev/net/tun"] : [])],
    // it attaches to its TAP interface itself, by name
    ownNetwork: !hasTap,
    usesTcp: false,
    profile: hasTap ? "firecracker-tap" : "firecracker",
    supervised,
    limits: { ...limits, fileSize },
    cgroup,
  });
}

const limits: Omit<CageLimits, "fileSize"> = {
  /** Bytes: its code, heaps and the stacks of its threads. */
  ownAddressSpace: 1024 * mib,
  /** One for each vsock connection, of which it has 1023 at most, and two for each device. */
  openFiles: 2048,
  /** Its main loop, its API and its supervisor; besides one per virtual CPU. */
  ownThreads: 16,
};
