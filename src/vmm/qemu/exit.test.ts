import { describe, expect, test } from "bun:test";
import type { VmExit } from "../driver.ts";
import { classifyExit, type ExitFacts } from "./exit.ts";

const nothing: ExitFacts = {
  killCalled: false,
  shutdown: null,
  isWatched: false,
  status: null,
  console: [],
  vmmLog: [],
};
const clean = { exitCode: 0, signal: null };
const byGuest = (reason: string) => ({ shutdown: { guest: true, reason }, status: clean });

const unknownEnd = "QEMU crashed or was killed; its status is not known, as an earlier daemon had started it";
const died = (signal: string) => ({ status: { exitCode: null, signal } });

const panicked = [
  "[    1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
  "[    1.0] CPU: 0 PID: 1 Comm: init Not tainted",
  "[    1.1] Rebooting in 1 seconds..",
];
const starved = [
  "[    9.1] python3 invoked oom-killer: gfp_mask=0x140cca",
  "[    9.2] Out of memory: Killed process 1 (init) total-vm:100kB",
  "[    9.3] Kernel panic - not syncing: System is deadlocked on memory",
  "[    9.3] ---[ end Kernel panic - not syncing: System is deadlocked on memory ]---",
];

describe("an end is classified by the known facts", () => {
  const rows: [string, Partial<ExitFacts>, VmExit][] = [
    ["the guest powered off", byGuest("guest-shutdown"), { kind: "poweroff" }],
    ["the guest halted", { ...byGuest("guest-shutdown"), console: ["reboot: System halted"] }, { kind: "halt" }],
    ["the guest rebooted", byGuest("guest-reset"), { kind: "reboot" }],
    [
      "a triple fault after a panic",
      { ...byGuest("guest-reset"), console: panicked },
      { kind: "panic", reason: "Attempted to kill init! exitcode=0x00000100" },
    ],
    ["no memory left", { ...byGuest("guest-reset"), console: starved }, { kind: "panic", reason: "out of memory" }],
    ["a panic device", byGuest("guest-panic"), { kind: "panic", reason: "the guest's kernel panicked" }],
    ["kill()", { killCalled: true, status: { exitCode: null, signal: "SIGKILL" } }, { kind: "killed" }],
    ["kill() of an adopted one", { killCalled: true }, { kind: "killed" }],
    ["powered off just before kill()", { killCalled: true, ...byGuest("guest-shutdown") }, { kind: "poweroff" }],
    [
      "SIGTERM to QEMU",
      {
        shutdown: { guest: false, reason: "host-signal" },
        status: clean,
        vmmLog: ["qemu-system-x86_64: terminating on signal 15 from pid 4711 (kill)"],
      },
      { kind: "vmm-died", reason: "terminating on signal 15 from pid 4711 (kill)" },
    ],
    [
      "SIGKILL to QEMU",
      { status: { exitCode: null, signal: "SIGKILL" } },
      {
        kind: "vmm-died",
        reason: "QEMU was killed by SIGKILL, by a user or because the host ran out of memory",
      },
    ],
    [
      "the log's limit",
      { status: { exitCode: null, signal: "SIGXFSZ" } },
      { kind: "vmm-died", reason: "QEMU was ended by SIGXFSZ: a file of this VM reached its size limit" },
    ],
    [
      "an error of KVM, which QEMU's registers follow",
      {
        shutdown: { guest: false, reason: "internal-error" },
        status: { exitCode: null, signal: "SIGKILL" },
        vmmLog: [
          "KVM internal error. Suberror: 1",
          "emulation failure",
          "EAX=00000000 EBX=00000001",
          "Code=00 <0f> 0b",
        ],
      },
      {
        kind: "vmm-died",
        reason: "QEMU can't run the guest any further: KVM internal error. Suberror: 1, emulation failure",
      },
    ],
    [
      "an error without a word, of a QEMU that an earlier daemon started",
      { shutdown: { guest: false, reason: "internal-error" }, vmmLog: ["something else"] },
      { kind: "vmm-died", reason: "QEMU can't run the guest any further" },
    ],
    ["a crash", died("SIGSEGV"), { kind: "vmm-died", reason: "QEMU crashed (SIGSEGV)" }],
    [
      "a crash during the guest's shutdown",
      { ...died("SIGSEGV"), console: ["[   17.3] reboot: Power down"] },
      { kind: "vmm-died", reason: "QEMU crashed (SIGSEGV)" },
    ],
    [
      "a crash after the guest's end",
      { ...died("SIGSEGV"), shutdown: { guest: true, reason: "guest-shutdown" } },
      { kind: "vmm-died", reason: "QEMU crashed (SIGSEGV)" },
    ],
    [
      "a failed assertion",
      { ...died("SIGABRT"), vmmLog: ["qemu-system-x86_64: ../hw/x.c:7: f: Assertion `a' failed."] },
      {
        kind: "vmm-died",
        reason: "QEMU crashed (SIGABRT, an assertion failed): ../hw/x.c:7: f: Assertion `a' failed.",
      },
    ],
    [
      "a forbidden system call",
      died("SIGSYS"),
      { kind: "vmm-died", reason: "QEMU crashed (SIGSYS, it made a system call that its sandbox forbids)" },
    ],
    [
      "a bad option",
      {
        status: { exitCode: 1, signal: null },
        vmmLog: ["/usr/bin/qemu-system-x86_64: -M foo: unsupported machine type"],
      },
      { kind: "vmm-died", reason: "QEMU ended with status 1: -M foo: unsupported machine type" },
    ],
    ["files only: power down", { console: ["x", "[   17.3] reboot: Power down"] }, { kind: "poweroff" }],
    ["files only: restart", { console: ["[   17.3] reboot: Restarting system"] }, { kind: "reboot" }],
    [
      "only files: panic",
      { console: panicked },
      { kind: "panic", reason: "Attempted to kill init! exitcode=0x00000100" },
    ],
    ["files only: nothing", {}, { kind: "vmm-died", reason: unknownEnd }],
    [
      "an adopted VMM that ends without SHUTDOWN after the guest's last message",
      { isWatched: true, console: ["[   17.3] reboot: Power down"] },
      { kind: "vmm-died", reason: unknownEnd },
    ],
    [
      "an old message of the kernel does not count",
      { console: ["reboot: Power down", "a", "b", "c"] },
      { kind: "vmm-died", reason: unknownEnd },
    ],
    ["status 0, and nothing else", { status: clean }, { kind: "vmm-died", reason: "QEMU ended without a message" }],
  ];
  test.each(rows)("%s", (_, facts, exit) => {
    expect(classifyExit({ ...nothing, ...facts })).toEqual(exit);
  });
});
