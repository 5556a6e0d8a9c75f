/**
 * What a saved VM depends on in the host. An emulated guest reads the host's TSC, and its kernel keeps time by the frequency of
 * the host it booted on; under KVM the guest uses the host's CPU. QEMU's stream has no CPUID: a restored guest would see what the
 * host offers now, and a kernel that uses a feature which is gone hangs or panics.
 */
import { fail } from "../base/errors/error.ts";
import { type CpuFeatures, kvmCpu, missingFeatures, withoutHidden } from "../host/kvm/cpu.ts";
import type { SaveRecord } from "./driver.ts";
import { saverName } from "./save-files.ts";

/** Stored in the save's record. */
export type HostFacts = {
  /** under TCG; null when it can't be measured */
  tscKhz?: number | null;
  /** under KVM: model and stepping */
  cpu?: string;
  /** under KVM: what it offers guests; absent in records of earlier versions, null where it does not tell */
  cpuFeatures?: CpuFeatures | null;
  /** the kernel's names for the CPU's features, for messages */
  cpuFlags?: string;
};

export async function hostFactsOf(accel: SaveRecord["accel"], tscKhz: number | null): Promise<HostFacts> {
  if (accel === "tcg") return { tscKhz };
  const { name, features, flags } = await kvmCpu();
  return { cpu: name, cpuFeatures: features, cpuFlags: flags };
}

/** @throws SAVE_VERSION when a VM saved on one host can't run on the other */
export function checkHost(record: SaveRecord, here: HostFacts): void {
  const then = record as HostFacts;
  const problem =
    typeof then.tscKhz === "number" && typeof here.tscKhz === "number" ? clock(then, here) : cpu(record, here);
  if (problem === null) return;
  const name = saverName(record);
  throw fail("SAVE_VERSION", { saved: `${name} on ${problem.saved}`, present: `${name} on ${problem.present}` });
}

type Problem = { saved: string; present: string };

/** A fraction. Two measurements of one clock differ by less; a guest's clock is wrong by at most this much. */
const sameClock = 0.002;

function clock({ tscKhz: then }: HostFacts, { tscKhz: now }: HostFacts): Problem | null {
  const [before, after] = [Number(then), Number(now)];
  return Math.abs(before - after) <= before * sameClock ? null : { saved: inMhz(before), present: inMhz(after) };
}

function cpu(record: SaveRecord, here: HostFacts): Problem | null {
  const then = record as HostFacts;
  if (then.cpu !== here.cpu) return { saved: String(then.cpu), present: String(here.cpu) };
  // a record of an earlier version has none
  if (!then.cpuFeatures || !here.cpuFeatures) return null;
  // such a guest has never had VMs of its own (`GuestCpu` of qemu/cpu.ts)
  const seen = record["guestCpu"] === "basic" ? withoutHidden(then.cpuFeatures) : then.cpuFeatures;
  const lost = missingFeatures(seen, here.cpuFeatures);
  if (Object.keys(lost).length === 0) return null;
  const names = lostFlags(then, here);
  const missing = names.length > 0 ? names.join(" ") : wordsOf(lost);
  return {
    saved: `${then.cpu} with ${missing}`,
    present: `the same CPU without ${missing} (kernel, microcode or boot parameters)`,
  };
}

/** enough to know what was turned off */
const mostNames = 8;

function lostFlags(then: HostFacts, here: HostFacts): string[] {
  const present = new Set((here.cpuFlags ?? "").split(" "));
  return (then.cpuFlags ?? "")
    .split(" ")
    .filter((flag) => !present.has(flag))
    .slice(0, mostNames);
}

/** `CPUID 7.0.ebx 20`: for features that have no name in /proc/cpuinfo */
function wordsOf(lost: CpuFeatures): string {
  return `CPUID ${Object.entries(lost)
    .map(([word, bits]) => `${word} ${bits}`)
    .join(", ")}`;
}

function inMhz(khz: number): string {
  return `a host of ${Math.round(khz / 1000)} MHz`;
}
