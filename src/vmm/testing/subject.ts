/** What the contract tests need from a driver's environment, and their common steps. */
import { afterEach, expect, test } from "bun:test";
import { withTimeout } from "../../base/async.ts";
import { exists, listFolder } from "../../host/files/files.ts";
import type { ProcessRef } from "../../model/vm.ts";
import { connectAgent } from "../../wire/agent/client.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import type { BootSpec, RunningVm, Save, VmExit, VmmDriver } from "../driver.ts";

export type ContractSubject = {
  /** a new driver, without knowledge of earlier ones, as in a new daemon */
  driver(): VmmDriver;
  /** a bootable VM with a fresh folder, which the suite removes */
  spec(): Promise<BootSpec>;
  /** the same, with a file that is not a kernel */
  brokenSpec(): Promise<BootSpec>;
  isAlive(process: ProcessRef): boolean;
  /** SIGKILL from outside */
  killProcess(process: ProcessRef): void;
  /** SIGSEGV, as a bug in the VMM causes it */
  crashProcess(process: ProcessRef): void;
  /** makes the guest's kernel panic */
  panic(vm: RunningVm, agent: AgentClient): Promise<void>;
  /** makes the guest print a line on its console */
  print(vm: RunningVm, agent: AgentClient, text: string): Promise<void>;
  /** has the guest keep a text in its memory, and a process that waits for it */
  remember(vm: RunningVm, agent: AgentClient, text: string): Promise<void>;
  /** that text; empty when there is none, or the process has ended */
  recall(vm: RunningVm, agent: AgentClient): Promise<string>;
  /** has the guest keep 64 MiB in its memory; resolves with their checksum, as `sumMemory` does later */
  fillMemory(vm: RunningVm, agent: AgentClient): Promise<string>;
  sumMemory(vm: RunningVm, agent: AgentClient): Promise<string>;
  /**
   * checks that the guest's network device has a carrier, and that a frame goes out and its answer comes in; null: the VMM gives
   * its VMs no network device
   */
  exchange: ((vm: RunningVm, agent: AgentClient) => Promise<void>) | null;
  /** the command line that the guest's kernel was booted with */
  kernelArgs(vm: RunningVm, agent: AgentClient): Promise<string>;
  /** the features of its CPU, as the guest's kernel names them, separated by spaces; null: the VMM has no CPU */
  cpuFlags: ((vm: RunningVm, agent: AgentClient) => Promise<string>) | null;
  /** size in bytes of the disk that the guest's kernel calls `device` */
  diskBytes(vm: RunningVm, agent: AgentClient, device: string): Promise<number>;
  /** has the guest write to as much of its memory and disk as it can get, and give it back */
  spoil(vm: RunningVm, agent: AgentClient): Promise<void>;
  /** lets the guest's kernel end the machine, without its init */
  end(vm: RunningVm, agent: AgentClient, mode: GuestEnd): Promise<void>;
  /**
   * has the guest unbind the drivers of its network device and its source of entropy, and bind them again: both reset the device;
   * null: the VMM's devices can't be used again once they have been reset
   */
  resetDevices: ((vm: RunningVm, agent: AgentClient) => Promise<void>) | null;
  /** has the guest unbind them, and leaves them without a driver */
  unbindDevices(vm: RunningVm, agent: AgentClient): Promise<void>;
  /** limit of each test in `ms` */
  timeoutMs: number;
};

export type GuestEnd = "poweroff" | "reboot" | "halt";

export type Bench = ReturnType<typeof workBench>;

/** The steps of a suite's tests; VMs that are made here end with their test. Call it inside `describe`. */
export function workBench(subject: Pick<ContractSubject, "driver" | "spec" | "timeoutMs">) {
  const running = new Set<RunningVm>();
  const kept = <V extends RunningVm>(vm: V): V => {
    running.add(vm);
    return vm;
  };
  const limit = () => AbortSignal.timeout(subject.timeoutMs);
  afterEach(async () => {
    await Promise.all([...running].map((vm) => vm.kill()));
    running.clear();
  });
  return {
    features: async () => {
      const probe = await subject.driver().probe();
      if (!probe.usable) throw new Error(probe.why);
      return probe.features;
    },
    it: (what: string, body: () => Promise<void>) => test(what, body, subject.timeoutMs * 2),
    limit,
    kept,
    forget: (vm: RunningVm) => void running.delete(vm),
    boot: async (driver = subject.driver(), spec?: BootSpec) =>
      kept(await driver.boot(spec ?? (await subject.spec()), limit())),
    /** paused */
    restore: async (save: Save, spec: BootSpec, driver = subject.driver()) =>
      kept(await driver.restore(save, spec, limit())),
    agentOf: async (vm: RunningVm): Promise<AgentClient> => {
      const { stream, resync } = await vm.agent();
      return connectAgent(stream, { resync, timeoutMs: subject.timeoutMs });
    },
    exitOf: (vm: RunningVm): Promise<VmExit> =>
      withTimeout(vm.wait(), subject.timeoutMs, () => new Error("the VM did not end")),
    adopted: async (vm: RunningVm): Promise<RunningVm> => {
      const found = await subject.driver().adopt(JSON.parse(JSON.stringify(vm.record)));
      if (found === null) throw new Error("the running VM was not found again");
      return kept(found);
    },
  };
}

export async function expectNoSockets(directory: string): Promise<void> {
  if (!(await exists(directory))) return;
  expect((await listFolder(directory)).filter((name) => name.endsWith(".sock"))).toEqual([]);
}
