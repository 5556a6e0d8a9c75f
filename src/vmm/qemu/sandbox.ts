/** The command line around QEMU: `banger-vsock-agent confine` with the paths, sockets and limits that it needs. Pure. */
import { dirname, join } from "node:path";
import type { Cage } from "../../model/cage.ts";
import type { BootSpec } from "../driver.ts";
import type { Accel } from "./accel.ts";
import type { MemoryBackend } from "./args.ts";
import type { InheritedSocket } from "./sockets.ts";

export type SandboxFacts = {
  /** path of `banger-vsock-agent` */
  agent: string;
  /** the layers that this host has */
  cage: Cage;
  accel: Accel;
  memory: MemoryBackend;
  /** opened before the cage closes, and inherited */
  inherited: readonly InheritedSocket[];
  /** no file that QEMU writes may become larger, in bytes */
  fileLimit: number;
};

/** What any dynamically linked QEMU reads: itself, its libraries and firmware. Confine skips what does not exist. */
const systemPaths = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/nix/store"];

/** A QEMU that is installed elsewhere, and its firmware and modules: `/opt/qemu/bin/P` has them in `/opt/qemu/share/qemu`. */
function installation(program: string): string[] {
  if (systemPaths.some((path) => program.startsWith(`${path}/`))) return [];
  const prefix = dirname(dirname(program));
  return [program, ...["share/qemu", "lib/qemu"].map((folder) => join(prefix, folder))];
}

/**
 * `spec`'s VM may write in the files of its own folder alone, and read its images, and its kernel or the save that it comes from. A QEMU that
 * can't open a save without write access must have it: the guest still can't change the file, but a QEMU taken over by a guest
 * could.
 */
export function confined(argv: readonly string[], spec: BootSpec, facts: SandboxFacts): string[] {
  const outside = (path: string) => !path.startsWith(`${spec.directory}/`);
  const disks = (readOnly: boolean) => spec.blockDevices.filter((d) => d.readOnly === readOnly).map((d) => d.path);
  const { memory } = facts;
  const kernel = memory.kind === "saved" ? [] : [spec.vmlinux, spec.initramfs];
  const isMemoryRead = memory.kind === "saved" && memory.opened === "read-only";
  const memoryFile = memory.kind === "private" ? [] : [memory.path];
  const readable = [...kernel, ...(isMemoryRead ? memoryFile : []), ...disks(true)];
  const writable = [...(isMemoryRead ? [] : memoryFile), ...disks(false)];
  const devices = ["/dev/urandom", "/dev/null", ...(facts.accel === "kvm" ? ["/dev/kvm"] : [])];
  return [
    ...[facts.agent, "confine"],
    ...["--existing", spec.directory],
    ...writable.filter(outside).flatMap((path) => ["--rw", path]),
    ...[...systemPaths, ...installation(argv[0] ?? ""), ...readable.filter(outside)].flatMap((path) => ["--ro", path]),
    ...devices.flatMap((path) => ["--dev", path]),
    ...isolation(facts.cage, spec),
    ...["--network", hasOwnNetwork(spec) ? "none" : "host"],
    ...limits(facts, spec).flatMap((limit) => ["--limit", limit]),
    ...(facts.cage.seccomp ? ["--profile", hasOwnNetwork(spec) ? "qemu" : "qemu-user-net"] : []),
    ...facts.inherited.flatMap(({ how, path }) => [`--${how}`, path]),
    "--",
    ...argv,
  ];
}

/** QEMU's user-mode network opens the guest's connections itself; otherwise QEMU has none, or a descriptor. */
export function hasOwnNetwork({ net }: Pick<BootSpec, "net">): boolean {
  return net?.kind !== "builtin";
}

function isolation({ namespaces, network }: Cage, spec: BootSpec): string[] {
  if (namespaces !== null) return [];
  return ["--isolate", network === null && hasOwnNetwork(spec) ? "all" : "all-but-network"];
}

const mib = 1024 ** 2;
/** Above the guest's memory: up to 1 GiB of translated code, stacks and heaps of some seventy threads, libraries. */
const ownAddressSpace = 8192 * mib;
/** The main loop, RCU, migration and what starts them; each virtual CPU has one more, and QEMU's pool for disks at most 64. */
const ownThreads = 32;
const poolThreads = 64;
/** Twenty disks, a network and a few event descriptors for each take some two hundred. */
const openFiles = 1024;

/**
 * A guest writes to its serial console without end if it likes. The daemon cuts the log while it runs; while it does
 * not, the limit of a file's size ends the VM (SIGXFSZ) before the log outgrows what its own disk may take.
 */
function limits({ fileLimit, cage }: SandboxFacts, { memoryMib, vcpu }: BootSpec): string[] {
  const addressSpace = memoryMib * mib + ownAddressSpace;
  const processes = cage.processes === null ? [`processes=${vcpu + poolThreads + ownThreads}`] : [];
  return [`address-space=${addressSpace}`, `open-files=${openFiles}`, `file-size=${fileLimit}`, ...processes];
}
