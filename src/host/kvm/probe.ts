/** Whether KVM really works here; some clouds offer a `/dev/kvm` on which stock kernels don't boot. */
import * as fs from "node:fs";
import { errnoOf } from "../errno.ts";
import { kvmCreateVm } from "../libc.ts";
import { flagsOf } from "./cpu.ts";
import { kvmHost } from "./host.ts";
import { judgeKvm, type KvmLook, type KvmProbe } from "./judge.ts";
import { openKvm } from "./open.ts";

/** Looks anew each time: rights and modules come and go while a daemon runs. Takes a fraction of a millisecond. */
export async function probeKvm(): Promise<KvmProbe> {
  return judgeKvm(lookAtKvm(), cpuFlags(), kvmHost);
}

function lookAtKvm(): KvmLook {
  let fd: number;
  try {
    fd = openKvm();
  } catch (error) {
    return { open: errnoOf(error) ?? "unknown error", createVm: null, nested: false };
  }
  try {
    return { open: "ok", createVm: createVm(fd), nested: mayNest() };
  } finally {
    fs.closeSync(fd);
  }
}

/** Documentation/virt/kvm/x86/nested-vmx.rst */
function mayNest(): boolean {
  return ["kvm_intel", "kvm_amd"].some((module) => {
    try {
      return /^[1Y]/.test(fs.readFileSync(`/sys/module/${module}/parameters/nested`, "latin1"));
    } catch {
      return false;
    }
  });
}

const maxAttempts = 8;

/** EINTR: a signal came while the kernel registered the VM (mm_take_all_locks). */
export function createVm(fd: number, create = kvmCreateVm): string {
  for (let attempt = 1; ; attempt++) {
    const made = create(fd);
    if ("error" in made && made.error === "EINTR" && attempt < maxAttempts) continue;
    if ("error" in made) return made.error;
    // the kernel takes milliseconds to remove a VM
    fs.close(made.vm);
    return "ok";
  }
}

let flags = "";

/** They stay the same for as long as the kernel runs. */
function cpuFlags(): string {
  try {
    flags ||= flagsOf(fs.readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    // judged as a CPU without virtualisation
  }
  return flags;
}
