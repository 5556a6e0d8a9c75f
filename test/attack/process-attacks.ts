/** A process that was taken over and wants to signal, limit, read or become other processes. */
import type { Attack } from "./report.ts";
import { refused, type Scene } from "./scene.ts";
import { buffer, type Call } from "./taken-over.ts";

const kill = 9;
/** `{ rlim_cur: 1, rlim_max: 1 }` */
const limits = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
const [limitOfCpu, limitOfFiles, limitOfFileSize] = [0, 7, 1];
const namespaces = { user: 0x1000_0000, mount: 0x0002_0000, process: 0x2000_0000, network: 0x4000_0000 };
const childSignal = 17;
const newThread = 0x10f00;

export function processAttacks(scene: () => Scene): Attack[] {
  return [
    refused(scene, "signals another process", ({ victim }) => [
      ["kill", victim, kill],
      ["kill", victim, 0],
      ["tkill", victim, kill],
      ["tkill", victim, 35], // that of Firecracker
      ["tgkill", victim, victim, kill],
      ["rt_sigqueueinfo", victim, kill, buffer],
      ["rt_tgsigqueueinfo", victim, victim, kill, buffer],
      ["pidfd_send_signal", 0, kill, 0, 0],
    ]),
    refused(scene, "has a descriptor signal another process", ({ victim }) => [
      ["fcntl", 0, 8, victim], // F_SETOWN
      ["fcntl", 0, 15, Buffer.from([1, 0, 0, 0, victim & 255, victim >> 8, 0, 0])], // F_SETOWN_EX
      ["fcntl", 0, 10, kill], // F_SETSIG
      ["ioctl", 3, 0x8901, Buffer.from(Int32Array.of(victim).buffer)], // FIOSETOWN
      ["ioctl", 3, 0x8902, Buffer.from(Int32Array.of(victim).buffer)], // SIOCSPGRP
    ]),
    refused(scene, "limits another process", ({ victim }) => [
      ["prlimit64", victim, limitOfCpu, limits, 0],
      ["prlimit64", victim, limitOfFiles, limits, 0],
      ["prlimit64", victim, limitOfFiles, 0, buffer],
      ["setpriority", 0, victim, 19],
      ["sched_setscheduler", victim, 5, buffer],
      ["sched_setaffinity", victim, 8, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])],
      ["ioprio_set", 1, victim, 3 << 13],
    ]),
    refused(scene, "raises its own limits", () => [
      ["prlimit64", 0, limitOfFileSize, Buffer.alloc(16, 0xff), 0],
      ["setrlimit", limitOfFileSize, Buffer.alloc(16, 0xff)],
    ]),
    refused(scene, "reads, writes or traces another process", ({ victim }) => [
      ["ptrace", 0x4206, victim, 0, 0], // PTRACE_SEIZE
      ["process_vm_readv", victim, buffer, 1, buffer, 1, 0],
      ["process_vm_writev", victim, buffer, 1, buffer, 1, 0],
      ["process_madvise", 0, buffer, 1, 4, 0],
      ["kcmp", victim, victim, 0, 0, 0],
      ["get_robust_list", victim, buffer, buffer],
      ["move_pages", victim, 0, 0, 0, 0, 0],
      ["migrate_pages", victim, 0, 0, 0],
    ]),
    refused(scene, "takes hold of another process", ({ victim }) => [
      ["pidfd_open", victim, 0],
      ["pidfd_getfd", 0, 1, 0],
      ["process_mrelease", 0, 0],
    ]),
    ...[
      refused(scene, "forks", () => [["fork"]]),
      refused(scene, "forks by vfork", () => [["vfork"]]),
      refused(scene, "makes a process by clone", () => [["clone", childSignal, 0, 0, 0, 0]]),
      refused(scene, "makes a process by clone3", () => [["clone3", Buffer.alloc(88), 88]]),
      refused(scene, "makes a process in namespaces of its own", () =>
        Object.values(namespaces).map((flag): Call => ["clone", flag | childSignal, 0, 0, 0, 0]),
      ),
      refused(scene, "makes a thread in namespaces of its own", () => [
        ["clone", newThread | namespaces.network, 0, 0, 0, 0],
      ]),
    ],
    refused(scene, "executes a file of its own folder, or from outside its cage", ({ directory, secret }) => [
      ["execve", `${directory}/disk.ext4`, 0, 0],
      ["execve", `${directory}/serial.log`, 0, 0],
      ["execve", secret, 0, 0],
    ]),
    refused(scene, "executes a program by descriptor", () => [
      ["execveat", -100, "/bin/true", 0, 0, 0],
      ["memfd_create", "x", 0],
      ["memfd_secret", 0],
    ]),
  ];
}

/** For a process that has a filter of its own against this. Any other could execute programs in its cage. */
export function programAttacks(scene: () => Scene): Attack[] {
  return [
    refused(scene, "executes a program", () => [
      ["execve", "/usr/bin/true", 0, 0],
      ["execve", "/bin/true", 0, 0],
    ]),
  ];
}
