/** Wraps QEMU's command in its cage, with the paths, sockets and limits that it needs. Pure. */
import { dirname, join } from "node:path";
import { type Cage, maxOpenFiles } from "../../model/cage.ts";
import { cageCommand, diskPaths, mib, systemPaths } from "../cage.ts";
import type { BootSpec } from "../driver.ts";
import type { Accel } from "./accel.ts";
import type { MemoryBackend } from "./args.ts";
import type { Inherited } from "./sockets.ts";

export type SandboxFacts = {
  /** path of `banger-vsock-agent` */
  agent: string;
  /** the layers that this host has */
  cage: Cage;
  accel: Accel;
  memory: MemoryBackend;
  /** opened before the cage is closed, and inherited by QEMU */
  inherited: readonly Inherited[];
  /** maximum size in bytes of any file that QEMU writes */
  fileLimit: number;
  /** folder of its control group; null: none */
  cgroup: string | null;
};

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
  const { memory, agent, cage } = facts;
  const kernel = memory.kind === "saved" ? [] : [spec.vmlinux, spec.initramfs];
  const isMemoryRead = memory.kind === "saved" && memory.opened === "read-only";
  const memoryFile = memory.kind === "private" ? [] : [memory.path];
  return cageCommand(argv, spec, {
    agent,
    cage,
    readable: [
      ...installation(argv[0] ?? ""),
      ...kernel,
      ...(isMemoryRead ? memoryFile : []),
      ...diskPaths(spec, true),
    ],
    writable: [...(isMemoryRead ? [] : memoryFile), ...diskPaths(spec, false)],
    devices: ["/dev/urandom", "/dev/null", ...(facts.accel === "kvm" ? ["/dev/kvm"] : [])],
    ownNetwork: hasOwnNetwork(spec),
    profile: profileOf(spec),
    // twenty disks and a network, with a few event descriptors each, take about two hundred
    limits: {
      ownAddressSpace,
      openFiles: maxOpenFiles,
      ownThreads: poolThreads + ownThreads,
      fileSize: facts.fileLimit,
    },
    cgroup: facts.cgroup,
    inherited: facts.inherited.flatMap(({ how, name }) => [`--${how}`, name]),
  });
}

/** Whether QEMU can have an empty network namespace: not with its user-mode network, which opens the guest's connections itself. */
export function hasOwnNetwork({ net }: Pick<BootSpec, "net">): boolean {
  return net?.kind !== "builtin";
}

function profileOf({ net }: BootSpec): string {
  if (net?.kind === "builtin") return "qemu-user-net";
  return net?.kind === "tap" ? "qemu-tap" : "qemu";
}

/** Bytes beyond the guest's memory: up to 1 GiB of translated code, stacks and heaps of about seventy threads, libraries. */
const ownAddressSpace = 8192 * mib;
/** Main loop, RCU, migration and so on; besides one per virtual CPU, and at most 64 in QEMU's thread pool for disks. */
const ownThreads = 32;
const poolThreads = 64;
