/** The command that runs a VMM in its cage, `banger-vsock-agent confine`, from what the VMM needs. Pure. */
import type { Cage } from "../model/cage.ts";
import type { BootSpec } from "./driver.ts";

export type CagePlan = {
  /** path of `banger-vsock-agent` */
  agent: string;
  /** the layers that this host has */
  cage: Cage;
  /** paths outside the VM's own folder; of those in it, it can use what exists */
  readable: readonly string[];
  writable: readonly string[];
  devices: readonly string[];
  /** an empty network namespace */
  ownNetwork: boolean;
  /** the filter of system calls (`agent/src/host/profiles.rs`) */
  profile: string;
  /** whether a supervisor sends the signals whose target the filter can't see; needs `cage.signals` */
  supervised?: boolean;
  limits: CageLimits;
  /** whether it may use TCP and UDP of the host's network namespace; absent: only without one of its own */
  usesTcp?: boolean;
  /** folder of the control group that it joins; null: it stays in the daemon's */
  cgroup: string | null;
  /** further arguments: what is opened before the cage is closed */
  inherited?: readonly string[];
};

export type CageLimits = {
  /** in bytes, besides the guest's memory */
  ownAddressSpace: number;
  openFiles: number;
  /** of threads, besides one for each virtual CPU */
  ownThreads: number;
  /** maximum size in bytes of any file that it writes; see `fileLimitOf` */
  fileSize: number;
};

/** Read by any dynamically linked program: its libraries, and its own files. Confine skips paths that do not exist. */
export const systemPaths = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/nix/store"];

export const mib = 1024 ** 2;

export function cageCommand(argv: readonly string[], spec: BootSpec, plan: CagePlan): string[] {
  const outside = (path: string) => !path.startsWith(`${spec.directory}/`);
  return [
    ...[plan.agent, "confine"],
    ...(plan.cgroup === null ? [] : ["--cgroup", plan.cgroup]),
    ...["--existing", spec.directory],
    ...plan.writable.filter(outside).flatMap((path) => ["--rw", path]),
    ...[...systemPaths, ...plan.readable.filter(outside)].flatMap((path) => ["--ro", path]),
    ...plan.devices.flatMap((path) => ["--dev", path]),
    ...isolation(plan),
    ...["--network", (plan.usesTcp ?? !plan.ownNetwork) ? "host" : "none"],
    ...limits(plan, spec).flatMap((limit) => ["--limit", limit]),
    ...(plan.cage.seccomp ? ["--profile", plan.profile] : []),
    ...(plan.supervised ? ["--signals", "supervised"] : []),
    ...(plan.inherited ?? []),
    "--",
    ...argv,
  ];
}

/** Paths of the VM's disks. */
export function diskPaths({ blockDevices }: BootSpec, readOnly: boolean): string[] {
  return blockDevices.filter((disk) => disk.readOnly === readOnly).map((disk) => disk.path);
}

function isolation({ cage: { namespaces, network }, ownNetwork }: CagePlan): string[] {
  if (namespaces !== null) return [];
  return ["--isolate", network === null && ownNetwork ? "all" : "all-but-network"];
}

/**
 * A guest can write to its serial console without end. The daemon truncates the log while it runs; while it does not, the file
 * size limit ends the VM (SIGXFSZ) before the log becomes larger than its disk may.
 */
function limits({ limits: own, cage }: CagePlan, { memoryMib, vcpu }: BootSpec): string[] {
  const processes = cage.processes === null ? [`processes=${vcpu + own.ownThreads}`] : [];
  return [
    `address-space=${memoryMib * mib + own.ownAddressSpace}`,
    `open-files=${own.openFiles}`,
    `file-size=${own.fileSize}`,
    ...processes,
  ];
}
