/** Wraps QEMU's command in `banger-vsock-agent confine`, with the paths, sockets and limits that it needs. Pure. */
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
  /** opened before the cage is closed, and inherited by QEMU */
  inherited: readonly InheritedSocket[];
  /** maximum size in bytes of any file that QEMU writes */
  fileLimit: number;
};

/** Read by any dynamically linked QEMU: itself, its libraries and firmware. Confine skips paths that do not exist. */
const systemPaths = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/nix/store"];

/** A QEMU installed elsewhere, with its firmware and modules: for `/opt/qemu/bin/P`, `/opt/qemu/share/qemu` and `lib/qemu`. */
function installation(program: string): string[] {
  if (systemPaths.some((path) => program.startsWith(`${path}/`))) return [];
  const prefix = dirname(dirname(program));
  return [program, ...["share/qemu", "lib/qemu"].map((folder) => join(prefix, folder))];
}

/**
 * The VM can write only files that exist in its own folder, and read its images and its kernel or save. A QEMU that can't open a
 * save read-only gets write access to it: the guest still can't change the file, but a QEMU that its guest has taken over could.
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

/** Whether QEMU can have an empty network namespace: not with its user-mode network, which opens the guest's connections itself. */
export function hasOwnNetwork({ net }: Pick<BootSpec, "net">): boolean {
  return net?.kind !== "builtin";
}

function isolation({ namespaces, network }: Cage, spec: BootSpec): string[] {
  if (namespaces !== null) return [];
  return ["--isolate", network === null && hasOwnNetwork(spec) ? "all" : "all-but-network"];
}

const mib = 1024 ** 2;
/** Bytes beyond the guest's memory: up to 1 GiB of translated code, stacks and heaps of about seventy threads, libraries. */
const ownAddressSpace = 8192 * mib;
/** Main loop, RCU, migration and so on; besides one per virtual CPU, and at most 64 in QEMU's thread pool for disks. */
const ownThreads = 32;
const poolThreads = 64;
/** Twenty disks and a network, with a few event descriptors each, take about two hundred. */
const openFiles = 1024;

/**
 * A guest can write to its serial console without end. The daemon truncates the log while it runs; while it does not, the file
 * size limit ends the VM (SIGXFSZ) before the log becomes larger than its disk may.
 */
function limits({ fileLimit, cage }: SandboxFacts, { memoryMib, vcpu }: BootSpec): string[] {
  const addressSpace = memoryMib * mib + ownAddressSpace;
  const processes = cage.processes === null ? [`processes=${vcpu + poolThreads + ownThreads}`] : [];
  return [`address-space=${addressSpace}`, `open-files=${openFiles}`, `file-size=${fileLimit}`, ...processes];
}
