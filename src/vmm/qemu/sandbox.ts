/** The command line around QEMU: a file size limit, then `banger-vsock-agent confine` with the paths that it needs. Pure. */
import type { BootSpec } from "../driver.ts";
import type { Accel } from "./accel.ts";
import type { MemoryBackend } from "./args.ts";
import type { HandedSocket } from "./sockets.ts";

export type SandboxFacts = {
  /** path of `banger-vsock-agent` */
  agent: string;
  /** path of `prlimit`; null where util-linux lacks it */
  prlimit: string | null;
  accel: Accel;
  memory: MemoryBackend;
  /** opened before the cage closes, and inherited */
  handed: readonly HandedSocket[];
  /** no file that QEMU writes may become larger, in bytes */
  fileLimit: number;
};

/** What any dynamically linked QEMU reads: itself, its libraries and firmware. Confine skips what does not exist. */
const systemPaths = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache"];

/**
 * `spec`'s VM may write in its own folder alone, and read its images, and its kernel or the save that it comes from. A QEMU that
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
  const program = argv[0] ?? "";
  const own = systemPaths.some((path) => program.startsWith(`${path}/`)) ? [] : [program];
  const devices = ["/dev/urandom", "/dev/null", ...(facts.accel === "kvm" ? ["/dev/kvm"] : [])];
  return [
    ...fileSizeLimit(facts),
    ...[facts.agent, "confine"],
    ...[spec.directory, ...writable.filter(outside)].flatMap((path) => ["--rw", path]),
    ...[...systemPaths, ...own, ...readable.filter(outside)].flatMap((path) => ["--ro", path]),
    ...devices.flatMap((path) => ["--dev", path]),
    ...["--profile", spec.net?.kind === "builtin" ? "qemu-user-net" : "qemu"],
    ...facts.handed.flatMap(({ how, path }) => [`--${how}`, path]),
    "--",
    ...argv,
  ];
}

/**
 * A guest writes to its serial console without end if it likes. The daemon cuts the log while it runs; while it does
 * not, this limit ends the VM (SIGXFSZ) before the log outgrows what its own disk may take. Only the soft limit is
 * set, so that it can be raised when the disk grows.
 */
function fileSizeLimit(facts: SandboxFacts): string[] {
  return facts.prlimit === null ? [] : [facts.prlimit, `--fsize=${facts.fileLimit}:`];
}
