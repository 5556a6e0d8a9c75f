/** Which CPU a guest sees. Pure. */
import type { SaveRecord } from "../driver.ts";
import type { Accel } from "./accel.ts";

/**
 * `basic`: nothing that an untrusted guest needs not have; `nested`: it can run VMs of its own; `host`: everything, as in saves
 * of earlier versions, whose kernels have seen it.
 */
export type GuestCpu = "basic" | "nested" | "host";

/** The CPU that a save's guest was booted with, and must have again. */
export function cpuOfSave(record: SaveRecord): GuestCpu {
  const cpu = record["guestCpu"];
  return cpu === "basic" || cpu === "nested" ? cpu : "host";
}

/** The value of QEMU's `-cpu`. */
export function cpuArgument(accel: Accel, cpu: GuestCpu): string {
  if (accel === "tcg") return cpu === "basic" ? `${emulated},svm=off` : emulated;
  if (cpu === "host") return "host";
  return ["host,migratable=on", noCounters, ...(cpu === "nested" ? [] : [noNested])].join(",");
}

/**
 * Everything that TCG can emulate, except features that only cost time: a fifth page-table level makes each walk longer, and
 * when `rep movsb` is advertised as fast the kernel copies and clears pages with it, which TCG does byte by byte.
 */
const emulated = "max,la57=off,erms=off,fsrm=off";

/**
 * Counters of the CPU's performance: a way to watch others on the same core, much code of the host's kernel, and state that differs
 * from model to model in a save. `pmu` is Intel's, `perfctr-core` AMD's.
 */
const noCounters = "pmu=off,perfctr-core=off";

/** Nested virtualisation is the part of KVM with the most holes; a guest has it where its user asked for it. */
const noNested = "vmx=off,svm=off";
