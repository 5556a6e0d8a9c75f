/** The size of a VM: from the flag, else the config, else the host, else constants. Pure. */
import type { VmDefaults } from "./config.ts";

/** Where one size came from; shown by `vm create` and `vm show`. */
export type SizeSource = "flag" | "config" | "host" | "constant";

/** What a flag or an API field asked for. */
export type SizeFlags = { vcpu?: number | undefined; memoryMib?: number | undefined; diskBytes?: number | undefined };
export type SizeFacts = { cpus: number; memoryBytes: number };
export type Sizes = {
  vcpu: number;
  memoryMib: number;
  diskBytes: number;
  provenance: { vcpu: SizeSource; memory: SizeSource; disk: SizeSource };
};

const mib = 1024 ** 2;
const gib = 1024 ** 3;

/** The minimum of every host-derived value, and the value if the host's facts are unknown. */
const sizeConstants = { vcpu: 2, memoryMib: 1024, diskBytes: 8 * gib } as const;

/** Decides each of the three separately; `flags` and `config` were validated where they came in. */
export function resolveSizes(flags: SizeFlags, config: { vmDefaults: VmDefaults }, facts: SizeFacts): Sizes {
  const host = hostSizes(facts);
  const vcpu = pick(
    flags.vcpu,
    config.vmDefaults.vcpu,
    host.vcpu,
    Math.min(sizeConstants.vcpu, Math.max(1, facts.cpus)),
  );
  const memory = pick(flags.memoryMib, config.vmDefaults.memoryMib, host.memoryMib, sizeConstants.memoryMib);
  const disk = pick(flags.diskBytes, config.vmDefaults.diskBytes, host.diskBytes, sizeConstants.diskBytes);
  return {
    vcpu: vcpu.value,
    memoryMib: memory.value,
    diskBytes: disk.value,
    provenance: { vcpu: vcpu.source, memory: memory.source, disk: disk.source },
  };
}

/** A quarter of the CPUs up to 4, an eighth of the memory up to 8 GiB (a multiple of 2 MiB), 8 GiB of disk. */
function hostSizes(facts: SizeFacts) {
  const eighth = Math.floor(facts.memoryBytes / 8 / mib);
  return {
    vcpu: Math.min(4, Math.floor(facts.cpus / 4)),
    memoryMib: Math.min(8192, eighth - (eighth % 2)),
    diskBytes: 8 * gib,
  };
}

/** A host-derived value is at least the constant. */
function pick(flag: number | undefined, config: number | undefined, host: number, constant: number) {
  if (flag !== undefined) return { value: flag, source: "flag" as SizeSource };
  if (config !== undefined) return { value: config, source: "config" as SizeSource };
  if (Number.isFinite(host) && host >= constant) return { value: host, source: "host" as SizeSource };
  return { value: constant, source: "constant" as SizeSource };
}
