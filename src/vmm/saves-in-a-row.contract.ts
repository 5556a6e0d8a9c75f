/** Tests of several saves of one running clone, a part of the contract of saves. */
import { expect } from "bun:test";
import { removeTree } from "../host/files/files.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import type { BootSpec, RunningVm } from "./driver.ts";
import { copyOf, type SavedVm, saveTo } from "./testing/saves.ts";
import type { Bench, ContractSubject } from "./testing/subject.ts";

type Awake = (of?: SavedVm) => Promise<{ vm: RunningVm; spec: BootSpec; agent: AgentClient }>;

export function savesInARow(subject: ContractSubject, bench: Bench, template: () => SavedVm, awake: Awake): void {
  const { it, agentOf } = bench;
  const recalled = async (kept: SavedVm) => {
    const { vm, agent } = await awake(kept);
    const text = await subject.recall(vm, agent);
    await vm.kill();
    return text;
  };
  /** A clone of a save of its own, which is gone once it runs; its memory has changed. */
  const changed = async (text: string) => {
    const own = await copyOf(subject, template());
    const { vm, spec, agent } = await awake(own);
    await remove(own);
    await subject.remember(vm, agent, text);
    agent.destroy();
    return { vm, spec };
  };

  it("each of two saves of a running clone has the memory of its moment", async () => {
    const { vm, spec } = await changed("first");
    const one = await saveTo(subject, bench, vm, spec);
    await vm.resume();
    const agent = await agentOf(vm);
    await subject.remember(vm, agent, "second");
    agent.destroy();
    const two = await saveTo(subject, bench, vm, spec);
    await vm.kill();
    expect([await recalled(one), await recalled(two)]).toEqual(["first", "second"]);
  });

  it("a second save is complete when the first was removed, and when nothing has changed", async () => {
    const { vm, spec } = await changed("kept");
    await remove(await saveTo(subject, bench, vm, spec));
    await vm.resume();
    await remove(await saveTo(subject, bench, vm, spec));
    await vm.resume();
    const last = await saveTo(subject, bench, vm, spec);
    await vm.kill();
    expect(await recalled(last)).toBe("kept");
  });

  it("a second save is complete when the VM was adopted after the first", async () => {
    const { vm, spec } = await changed("kept");
    await saveTo(subject, bench, vm, spec);
    await vm.resume();
    vm.release();
    bench.forget(vm);
    const second = await bench.adopted(vm);
    const kept = await saveTo(subject, bench, second, spec);
    await second.kill();
    expect(await recalled(kept)).toBe("kept");
  });
}

async function remove({ save }: SavedVm): Promise<void> {
  await Promise.all([removeTree(save.files.memory), removeTree(save.files.state)]);
}
