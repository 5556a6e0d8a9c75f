import { describe, expect, test } from "bun:test";
import type { VmExit } from "../driver.ts";
import { classifyExit, type ExitFacts, lastWord } from "./exit.ts";

const nothing: ExitFacts = { killCalled: false, hasHalted: false, status: null, console: [], vmmLog: [], errors: [] };
const clean = { exitCode: 0, signal: null };
const ended = (exitCode: number) => ({ status: { exitCode, signal: null } });
const killed = { status: { exitCode: null, signal: "SIGKILL" } };
const off = ["[    9.1] reboot: Restarting system with command 'poweroff'", "[    9.1] reboot: machine restart"];
const again = ["[    9.1] reboot: Restarting system", "[    9.1] reboot: machine restart"];
const panic = [
  "[    1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
  "[    1.1] Rebooting",
];
const log = (text: string) => ({ vmmLog: [`2026-11-30T11:43:55.1 [abc:fc_vcpu 0] ${text}`] });

describe("an end is classified by the known facts", () => {
  const rows: [string, Partial<ExitFacts>, VmExit][] = [
    ["a power-off", { status: clean, console: off }, { kind: "poweroff" }],
    ["a reboot", { status: clean, console: again }, { kind: "reboot" }],
    ["a reset without a word", { status: clean }, { kind: "reboot" }],
    ["a power-off long before the reset", { status: clean, console: [...off, "a", "b", "c"] }, { kind: "reboot" }],
    ["a reset just before kill()", { killCalled: true, status: clean, console: off }, { kind: "poweroff" }],
    ["a halt", { hasHalted: true, ...killed, console: ["reboot: System halted"] }, { kind: "halt" }],
    ["kill()", { killCalled: true, ...killed }, { kind: "killed" }],
    ["kill() of an adopted one", { killCalled: true, console: off }, { kind: "killed" }],
    [
      "a panic",
      { status: clean, console: panic },
      { kind: "panic", reason: "Attempted to kill init! exitcode=0x00000100" },
    ],
    [
      "SIGKILL",
      { ...killed, console: off },
      {
        kind: "vmm-died",
        reason: "Firecracker was killed by SIGKILL, by a user or because the host ran out of memory",
      },
    ],
    ["a caught SIGSEGV", ended(150), { kind: "vmm-died", reason: "Firecracker crashed (SIGSEGV)" }],
    [
      "a forbidden system call",
      ended(148),
      { kind: "vmm-died", reason: "Firecracker crashed (SIGSYS, it made a system call that its sandbox forbids)" },
    ],
    [
      "the size limit of a file",
      ended(151),
      { kind: "vmm-died", reason: "Firecracker was ended by SIGXFSZ: a file of this VM reached its size limit" },
    ],
    [
      "an error, with its word",
      { ...ended(1), ...log("Failed to open the API socket") },
      { kind: "vmm-died", reason: "Firecracker ended with status 1: Failed to open the API socket" },
    ],
    [
      "an adopted one that crashed, whatever is on its console",
      { console: off, ...log("Shutting down VM after intercepting signal 11, code 0.") },
      { kind: "vmm-died", reason: "Firecracker crashed (SIGSEGV)" },
    ],
    ["an adopted one that powered off", { console: off }, { kind: "poweroff" }],
    [
      "an adopted one that panicked",
      { console: panic },
      { kind: "panic", reason: "Attempted to kill init! exitcode=0x00000100" },
    ],
    [
      "an adopted one without a word",
      {},
      {
        kind: "vmm-died",
        reason: "Firecracker crashed or was killed; its status is not known, as an earlier daemon had started it",
      },
    ],
  ];
  for (const [what, facts, exit] of rows) {
    test(what, () => expect(classifyExit({ ...nothing, ...facts })).toEqual(exit));
  }
});

test("its last word is what it says besides that it begins or ends", () => {
  const vmmLog = [
    "2026-11-30T11:43:55.1 [abc:main] Running Firecracker v1.14.1",
    "2026-11-30T11:43:55.1 [abc:main] RunWithApiError error: it broke",
    "2026-11-30T11:43:55.1 [abc:main] Firecracker exiting with error. exit_code=1",
  ];
  expect(lastWord({ vmmLog, errors: ["Error: something else"] })).toBe("RunWithApiError error: it broke");
  expect(lastWord({ vmmLog: [], errors: ["confine: landlock: no"] })).toBe("confine: landlock: no");
});
