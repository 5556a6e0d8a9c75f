import { expect } from "bun:test";
import type { AgentClient } from "../../wire/agent/types.ts";
import type { RunningVm } from "../driver.ts";
import type { ContractSubject } from "./subject.ts";

/** The kernel's names for nested virtualisation, for what AMD's offers, and for performance counters. */
const unwanted = ["vmx", "svm", "npt", "nrip_save", "vmcb_clean", "perfctr_core", "perfctr_nb", "arch_perfmon"];

export async function expectPlainCpu({ cpuFlags }: ContractSubject, vm: RunningVm, agent: AgentClient): Promise<void> {
  if (cpuFlags === null) return;
  const flags = (await cpuFlags(vm, agent)).split(/\s+/);
  expect(flags).toContain("fpu");
  expect(flags.filter((flag) => unwanted.includes(flag))).toEqual([]);
}
