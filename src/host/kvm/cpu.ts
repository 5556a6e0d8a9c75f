/**
 * What KVM offers a guest of this host's CPU: what the CPU has, less what its microcode, the kernel and its boot parameters take away.
 * `/proc/cpuinfo` shows less (no state components, no features of KVM's own) and more (flags that the kernel invents).
 */
import * as fs from "node:fs";
import { readStart } from "../files/files.ts";
import { kvmSupportedCpuid } from "../libc.ts";
import { openKvm } from "./open.ts";

/** Feature words by CPUID leaf and register, as hexadecimal numbers: `{"7.0.ebx": "1c2fbb"}`. */
export type CpuFeatures = Record<string, string>;

type Register = "eax" | "ebx" | "ecx" | "edx";
const registers: Register[] = ["eax", "ebx", "ecx", "edx"];

/**
 * Leaf, index and registers that hold features, and no identity or number of the CPU that was asked. Software Developer's Manual, volume 2, CPUID;
 * AMD64 Architecture Programmer's Manual, volume 3, appendix E; Documentation/virt/kvm/x86/cpuid.rst
 */
const featureWords: [leaf: number, index: number, registers: Register[]][] = [
  [0x1, 0, ["ecx", "edx"]],
  [0x6, 0, ["eax"]],
  [0x7, 0, ["ebx", "ecx", "edx"]],
  [0x7, 1, ["eax", "ebx", "ecx", "edx"]],
  [0x7, 2, ["edx"]],
  // state components that XSAVE can have, and how it saves them
  [0xd, 0, ["eax", "edx"]],
  [0xd, 1, ["eax", "ecx", "edx"]],
  [0x4000_0001, 0, ["eax"]],
  [0x8000_0001, 0, ["ecx", "edx"]],
  [0x8000_0008, 0, ["ebx"]],
  [0x8000_000a, 0, ["edx"]],
  [0x8000_0021, 0, ["eax"]],
  [0x8000_0022, 0, ["eax"]],
];

/** CPUID.1:ECX bit 27, OSXSAVE: what the operating system has turned on, and no feature */
const osXsave = 1 << 27;

const entryBytes = 40;

/** @param entries of KVM_GET_SUPPORTED_CPUID: `struct kvm_cpuid_entry2`, one behind the other */
export function featuresOf(entries: Uint8Array): CpuFeatures {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
  const features: CpuFeatures = {};
  for (let at = 0; at + entryBytes <= entries.byteLength; at += entryBytes) {
    const [leaf, index] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    const known = featureWords.find(([one, other]) => one === leaf && other === index);
    for (const register of known?.[2] ?? []) {
      const value = view.getUint32(at + 12 + 4 * registers.indexOf(register), true);
      const word = leaf === 1 && register === "ecx" ? value & ~osXsave : value;
      features[`${leaf.toString(16)}.${index}.${register}`] = (word >>> 0).toString(16);
    }
  }
  return features;
}

/** The words of `saved` that `here` lacks a bit of, each with the missing bits. */
export function missingFeatures(saved: CpuFeatures, here: CpuFeatures): CpuFeatures {
  return someBits(saved, (name) => ~bitsOf(here, name));
}

/** The words of `features` that have a bit of `bits`, each with those bits. */
export function commonFeatures(features: CpuFeatures, bits: CpuFeatures): CpuFeatures {
  return someBits(features, (name) => bitsOf(bits, name));
}

/** The words of `features` of which something is left under the mask of their name. */
function someBits(features: CpuFeatures, maskOf: (name: string) => number): CpuFeatures {
  const left: CpuFeatures = {};
  for (const name of Object.keys(features)) {
    const bits = bitsOf(features, name) & maskOf(name);
    if (bits !== 0) left[name] = (bits >>> 0).toString(16);
  }
  return left;
}

function bitsOf(features: CpuFeatures, name: string): number {
  return Number.parseInt(features[name] ?? "0", 16);
}

/**
 * What an untrusted guest does not need: nested virtualisation (VMX of Intel's CPUs, SVM of AMD's, of which `8000000a.0.edx` has the
 * details) and AMD's performance counters (`perfctr_core`, and the leaf of their second version). Intel's have no feature bit.
 */
export const hiddenFeatures: CpuFeatures = {
  "1.0.ecx": "20",
  "80000001.0.ecx": "800004",
  "8000000a.0.edx": "ffffffff",
  "80000022.0.eax": "ffffffff",
};

/** What of `features` a guest sees without them: a host may gain or lose what is hidden. */
export function withoutHidden(features: CpuFeatures): CpuFeatures {
  const seen = Object.keys(features).map((name): [string, string] => {
    const bits = bitsOf(features, name) & ~bitsOf(hiddenFeatures, name);
    return [name, (bits >>> 0).toString(16)];
  });
  return Object.fromEntries(seen);
}

export type KvmCpu = {
  /** model and stepping: the VMs of another model see another CPU, whatever its features */
  name: string;
  /** null where KVM does not tell */
  features: CpuFeatures | null;
  /** the kernel's names for features, and for what it does about some */
  flags: string;
};

export async function kvmCpu(): Promise<KvmCpu> {
  const cpuinfo = new TextDecoder().decode(await readStart("/proc/cpuinfo", 16_384));
  return { name: cpuName(cpuinfo), features: kvmFeatures(), flags: flagsOf(cpuinfo) };
}

export function kvmFeatures(): CpuFeatures | null {
  let fd: number;
  try {
    fd = openKvm();
  } catch {
    return null;
  }
  try {
    const entries = kvmSupportedCpuid(fd);
    return entries && featuresOf(entries);
  } finally {
    fs.closeSync(fd);
  }
}

/** The `flags` of the first CPU of `/proc/cpuinfo`, separated by spaces; empty when it has none. */
export function flagsOf(cpuinfo: string): string {
  return /^flags\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? "";
}

/** Model and stepping of the first CPU of `/proc/cpuinfo`. */
export function cpuName(cpuinfo: string): string {
  const field = (name: string) => new RegExp(`^${name}\\s*:\\s*(.*)$`, "m").exec(cpuinfo)?.[1] ?? "?";
  return `${field("model name")} (${field("cpu family")}/${field("model")}/${field("stepping")})`;
}
