/** Tests of guests that the VMM stops on its own, for every driver, including the in-memory fake. */
import { describe, expect } from "bun:test";
import type { AgentClient } from "../wire/agent/types.ts";
import type { RunningVm, VmmStop } from "./driver.ts";
import { type ContractSubject, workBench } from "./testing/subject.ts";

export type StopSubject = Pick<ContractSubject, "driver" | "spec" | "timeoutMs"> & {
  /** fills the host's disk under a guest that writes to its own */
  fillDisk(vm: RunningVm, agent: AgentClient): Promise<void>;
  makeRoom(vm: RunningVm): Promise<void>;
};

export function stopContract(name: string, subject: StopSubject): void {
  describe(`${name}: a guest that its VMM stops`, () => {
    const { it, boot, forget, agentOf, adopted } = workBench(subject);

    it("a full disk is reported with its reason, and stops the guest again until there is space", async () => {
      const vm = await boot();
      expect(vm.stopped()).toBeNull();
      const stopped = nextStop(vm);
      await subject.fillDisk(vm, await agentOf(vm));
      expect(await stopped).toEqual({ kind: "disk-full", reason: expect.stringMatching(/./) });
      expect(vm.stopped()).toEqual(await stopped);
      const again = nextStop(vm);
      await vm.resume();
      expect(await again).toEqual(await stopped);
      await vm.kill();
    });

    it("it is known after adoption, and the guest runs on when there is space", async () => {
      const first = await boot();
      const agent = await agentOf(first);
      const stopped = nextStop(first);
      await subject.fillDisk(first, agent);
      await stopped;
      agent.destroy();
      first.release();
      forget(first);
      const second = await adopted(first);
      expect(second.stopped()).toMatchObject({ kind: "disk-full" });
      await subject.makeRoom(second);
      await second.resume();
      expect(second.stopped()).toBeNull();
      await (await agentOf(second)).ping();
    });

    it("a requested pause is not reported as a stop", async () => {
      const vm = await boot();
      await agentOf(vm);
      vm.onStopped(() => expect.unreachable());
      await vm.pause();
      await vm.stats();
      expect(vm.stopped()).toBeNull();
      await vm.resume();
      await (await agentOf(vm)).ping();
    });
  });
}

function nextStop(vm: RunningVm): Promise<VmmStop> {
  return new Promise((resolve) => vm.onStopped(resolve));
}
