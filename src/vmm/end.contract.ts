/**
 * How a guest ends, for every way to start its VM. The guest's kernel resets its virtio devices when it shuts down, which restored
 * devices must handle as booted ones do.
 */
import { beforeAll, describe, expect } from "bun:test";
import { removeTree } from "../host/files/files.ts";
import { savePaths } from "../model/paths.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import type { BootSpec, RunningVm } from "./driver.ts";
import { cloneSpec, makeTemplate, type SavedVm, saveTo } from "./testing/saves.ts";
import { type Bench, type ContractSubject, workBench } from "./testing/subject.ts";

type Awake = { vm: RunningVm; spec: BootSpec; agent: AgentClient };

export function endContract(name: string, subject: ContractSubject): void {
  describe(`${name}: how a guest ends`, () => {
    const bench = workBench(subject);
    const { it, agentOf, exitOf } = bench;
    let template: SavedVm;
    beforeAll(async () => {
      template = await makeTemplate(subject, bench);
    }, subject.timeoutMs * 2);

    for (const [way, start] of Object.entries(waysOf(subject, bench, () => template))) {
      for (const mode of ["poweroff", "reboot", "halt"] as const) {
        it(`${way}: a guest that asks for ${mode} ends as that`, async () => {
          const { vm, agent } = await start();
          await subject.end(vm, agent, mode);
          expect(await exitOf(vm)).toEqual({ kind: mode });
        });
      }

      it(`${way}: a guest that unbinds its devices' drivers runs on, and powers off`, async () => {
        const { vm, agent } = await start();
        await subject.resetDevices?.(vm, agent);
        expect(await subject.recall(vm, agent)).not.toBe("");
        await subject.unbindDevices(vm, agent);
        await subject.end(vm, agent, "poweroff");
        expect(await exitOf(vm)).toEqual({ kind: "poweroff" });
      });
    }

    it("a VMM that crashes is reported as crashed, not as killed", async () => {
      const { vm } = await clone(subject, bench, template);
      subject.crashProcess(vm.record.process);
      const reason = expect.stringMatching(/crashed \(SIGSEGV\)/);
      expect(await exitOf(vm)).toEqual({ kind: "vmm-died", reason });
    });

    it("an adopted VMM that crashes is not reported as a power-off, whatever is on its console", async () => {
      const { vm: first, agent } = await clone(subject, bench, template);
      await subject.print(first, agent, "[    9.9] reboot: Power down");
      agent.destroy();
      first.release();
      bench.forget(first);
      const second = await bench.adopted(first);
      (await agentOf(second)).destroy();
      subject.crashProcess(second.record.process);
      expect(await exitOf(second)).toMatchObject({ kind: "vmm-died", reason: expect.stringContaining("crashed") });
    });
  });
}

/** Each returns a running VM with a network device whose guest remembers a text. */
function waysOf(subject: ContractSubject, bench: Bench, template: () => SavedVm): Record<string, () => Promise<Awake>> {
  const ways = {
    "a cold boot": async () => {
      const spec = await subject.spec();
      const vm = await bench.boot(subject.driver(), spec);
      const agent = await bench.agentOf(vm);
      await subject.remember(vm, agent, "of the boot");
      return { vm, spec, agent };
    },
    "a template": () => clone(subject, bench, template()),
    "a fork or snapshot of a booted VM": async () => copied(subject, bench, await ways["a cold boot"]()),
    "a fork or snapshot of a template's VM": async () => copied(subject, bench, await ways["a template"]()),
    "a wake": async () => woken(bench, await ways["a template"]()),
  };
  return ways;
}

async function clone(subject: ContractSubject, bench: Bench, of: SavedVm): Promise<Awake> {
  const spec = await cloneSpec(subject, of.spec);
  return resumed(bench, await bench.restore(of.save, spec), spec);
}

async function copied(subject: ContractSubject, bench: Bench, { vm, spec, agent }: Awake): Promise<Awake> {
  agent.destroy();
  const kept = await saveTo(subject, bench, vm, spec);
  await vm.kill();
  return clone(subject, bench, kept);
}

/** Saves a VM into its own folder, ends it, and restores it there. */
async function woken(bench: Bench, { vm, spec, agent }: Awake): Promise<Awake> {
  agent.destroy();
  const files = savePaths(spec.directory);
  const record = await vm.save(files, bench.limit());
  await vm.kill();
  const again = await bench.restore({ record, files }, spec);
  await Promise.all([removeTree(files.memory), removeTree(files.state)]);
  return resumed(bench, again, spec);
}

async function resumed(bench: Bench, vm: RunningVm, spec: BootSpec): Promise<Awake> {
  await vm.resume();
  return { vm, spec, agent: await bench.agentOf(vm) };
}
