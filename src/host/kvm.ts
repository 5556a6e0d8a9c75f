/** Whether KVM really works here; some clouds offer a `/dev/kvm` on which stock kernels don't boot. */
import * as fs from "node:fs";
import { errnoOf } from "./errno.ts";
import { kvmCreateVm } from "./libc.ts";

export type KvmProbe =
  | { usable: true }
  | { usable: false; why: string /** it is there, for others */; isDenied?: true };

export type KvmFacts = {
  /** `ok`, or the error of opening it read-write */
  device: "ok" | string;
  createsVms: boolean;
  /** the `flags` line of /proc/cpuinfo */
  cpuFlags: string;
};

/** The decision, separate from the probing. */
export function judgeKvm(facts: KvmFacts): KvmProbe {
  if (facts.device === "ENOENT") return { usable: false, why: "there is no /dev/kvm" };
  if (facts.device === "EACCES")
    return { usable: false, isDenied: true, why: "/dev/kvm may not be opened by this user (group kvm)" };
  if (facts.device !== "ok") return { usable: false, why: `/dev/kvm can't be opened: ${facts.device}` };
  if (!facts.createsVms) return { usable: false, why: "/dev/kvm opens but refuses to create a VM" };
  if (!/\b(?:vmx|svm)\b/.test(facts.cpuFlags)) {
    return { usable: false, why: "/dev/kvm opens but the CPU shows neither vmx nor svm" };
  }
  return { usable: true };
}

export async function probeKvm(): Promise<KvmProbe> {
  return judgeKvm({ ...lookAtDevice(), cpuFlags: cpuFlags() });
}

function lookAtDevice(): Pick<KvmFacts, "device" | "createsVms"> {
  let fd: number;
  try {
    fd = fs.openSync("/dev/kvm", fs.constants.O_RDWR);
  } catch (error) {
    return { device: errnoOf(error) ?? "unknown error", createsVms: false };
  }
  try {
    const vm = kvmCreateVm(fd);
    if (vm >= 0) fs.closeSync(vm);
    return { device: "ok", createsVms: vm >= 0 };
  } finally {
    fs.closeSync(fd);
  }
}

function cpuFlags(): string {
  try {
    return /^flags\s*:(.*)$/m.exec(fs.readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
}
