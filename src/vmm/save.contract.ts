/** Tests of saving and restoring that every driver with `features.snapshots` passes, including the in-memory fake. */
import { beforeAll, describe, expect } from "bun:test";
import { exists, listFolder, removeTree, sha256File, truncateTo } from "../host/files/files.ts";
import { savePaths } from "../model/paths.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import type { BootSpec, RunningVm, Save } from "./driver.ts";
import { isUntouched, maxStateBytes } from "./save-files.ts";
import { savesInARow } from "./saves-in-a-row.contract.ts";
import { expectPlainCpu } from "./testing/cpu.ts";
import { expectDisksFound } from "./testing/disks.ts";
import {
  bootTemplate,
  cloneSpec,
  copyOf,
  factsOf,
  flipBit,
  makeTemplate,
  type SavedVm,
  saveTo,
} from "./testing/saves.ts";
import { type Bench, type ContractSubject, expectNoSockets, workBench } from "./testing/subject.ts";

export function saveContract(name: string, subject: ContractSubject): void {
  describe(`${name}: the contract of saves`, () => {
    const bench = workBench(subject);
    /** made once: a test that damages it must use a copy */
    let template: SavedVm;
    beforeAll(async () => {
      template = await makeTemplate(subject, bench);
    }, subject.timeoutMs * 2);
    const clone = async (of = template) => {
      const spec = await cloneSpec(subject, of.spec);
      const vm = await bench.restore(of.save, spec);
      return { vm, spec };
    };
    const awake = async (of = template) => {
      const { vm, spec } = await clone(of);
      await vm.resume();
      return { vm, spec, agent: await bench.agentOf(vm) };
    };

    inPlace(subject, bench, () => template, { clone, awake });
    refusals(subject, bench, () => template);
    ofRunning(subject, bench, () => template, { awake });
    savesInARow(subject, bench, () => template, awake);
    const { exchange } = subject;
    if (exchange) networks(subject, bench, exchange, { awake });
  });
}

/** The template's device has carried frames before its save. */
function networks(
  subject: ContractSubject,
  bench: Bench,
  exchange: NonNullable<ContractSubject["exchange"]>,
  { awake }: Pick<Clones, "awake">,
): void {
  const { it, agentOf } = bench;

  it("the network device of each clone carries frames both ways", async () => {
    const [one, two] = [await awake(), await awake()];
    await exchange(one.vm, one.agent);
    await exchange(two.vm, two.agent);
    await exchange(one.vm, one.agent);
  });

  it("a network device carries frames after its VM was saved while it ran, and so does the copy's", async () => {
    const { vm, spec, agent } = await awake();
    await exchange(vm, agent);
    agent.destroy();
    const kept = await saveTo(subject, bench, vm, spec);
    await vm.resume();
    await exchange(vm, await agentOf(vm));
    const child = await awake(kept);
    await exchange(child.vm, child.agent);
  });

  it("a network device carries frames after a pause, and after a save in its VM's own folder", async () => {
    const { vm, spec, agent } = await awake();
    await vm.pause();
    await vm.resume();
    await exchange(vm, agent);
    agent.destroy();
    const files = savePaths(spec.directory);
    const record = await vm.save(files, bench.limit());
    await vm.kill();
    const woken = await bench.restore({ record, files }, spec);
    await woken.resume();
    await exchange(woken, await agentOf(woken));
  });
}

type Clones = {
  /** paused */
  clone(of?: SavedVm): Promise<{ vm: RunningVm; spec: BootSpec }>;
  awake(of?: SavedVm): Promise<{ vm: RunningVm; spec: BootSpec; agent: AgentClient }>;
};

function inPlace(subject: ContractSubject, bench: Bench, template: () => SavedVm, { clone, awake }: Clones): void {
  const { it, agentOf, exitOf } = bench;

  it("a clone is paused until it is resumed, and has its memory then", async () => {
    const { vm } = await clone();
    expect(subject.isAlive(vm.record.process)).toBe(true);
    const answer = agentOf(vm);
    expect(await Promise.race([answer, vm.stats().then(() => "nothing yet")])).toBe("nothing yet");
    await vm.resume();
    expect(await subject.recall(vm, await answer)).toBe("of the template");
  });

  it("a clone has each of its disks under the name in its kernel arguments", async () => {
    const { vm, spec, agent } = await awake();
    await expectDisksFound(subject, vm, agent, spec.blockDevices);
  });

  it("a clone sees neither nested virtualisation nor performance counters, and its save says so", async () => {
    const { vm, agent } = await awake();
    await expectPlainCpu(subject, vm, agent);
    if (subject.cpuFlags) expect(template().save.record["guestCpu"]).toBe("basic");
  });

  it("clones run side by side, each with its own memory", async () => {
    const [one, two] = [await awake(), await awake()];
    await subject.remember(one.vm, one.agent, "of the first");
    expect(await subject.recall(two.vm, two.agent)).toBe("of the template");
    await one.vm.kill();
    expect(await subject.recall(two.vm, two.agent)).toBe("of the template");
  });

  it("session after session works in a clone", async () => {
    const { vm, agent } = await awake();
    agent.destroy();
    for (let round = 0; round < 5; round++) {
      const next = await agentOf(vm);
      await next.ping();
      next.destroy();
    }
  });

  it("clones do not change the save", async () => {
    const { files } = template().save;
    const hashes = () => Promise.all([sha256File(files.memory), sha256File(files.state)]);
    const before = await hashes();
    const [spoiler, crasher] = [await awake(), await awake()];
    await subject.spoil(spoiler.vm, spoiler.agent);
    await subject.panic(crasher.vm, crasher.agent);
    await exitOf(crasher.vm);
    subject.killProcess(spoiler.vm.record.process);
    await exitOf(spoiler.vm);
    expect(await hashes()).toEqual(before);
    expect(await isUntouched(template().save)).toBe(true);
    const { vm, agent } = await awake();
    expect(await subject.recall(vm, agent)).toBe("of the template");
  });

  it("the files can be removed once a clone is restored", async () => {
    const own = await copyOf(subject, template());
    const { vm } = await clone(own);
    await Promise.all([removeTree(own.save.files.memory), removeTree(own.save.files.state)]);
    await vm.resume();
    expect(await subject.recall(vm, await agentOf(vm))).toBe("of the template");
  });

  it("a clone is adopted, and its logs show how it ended", async () => {
    const { vm, agent } = await awake();
    agent.destroy();
    vm.release();
    bench.forget(vm);
    const second = await bench.adopted(vm);
    const later = await agentOf(second);
    expect(await subject.recall(second, later)).toBe("of the template");
    await later.open("poweroff", { mode: "poweroff", force: true });
    expect(await exitOf(second)).toEqual({ kind: "poweroff" });
    expect(await subject.driver().adopt(vm.record)).toBeNull();
    expect(await subject.driver().postMortem(vm.record)).toEqual({ kind: "poweroff" });
  });

  it("a paused clone is still paused after adoption", async () => {
    const { vm } = await clone();
    vm.release();
    bench.forget(vm);
    const second = await bench.adopted(vm);
    await second.resume();
    expect(await subject.recall(second, await agentOf(second))).toBe("of the template");
  });

  it("a guest sees the size of a disk that grew before the restore", async () => {
    const spec = await cloneSpec(subject, template().spec);
    const bytes = 512 * 1024 * 1024;
    const disks = spec.blockDevices.filter((device) => !device.readOnly);
    await Promise.all(disks.map(({ path }) => truncateTo(path, bytes)));
    const vm = await bench.restore(template().save, spec);
    await vm.resume();
    await Promise.all(disks.map(({ name }) => vm.grow(name, bytes)));
    const agent = await agentOf(vm);
    expect(Number((await agent.open("grow", {})).reply["bytes"])).toBeGreaterThan(400 * 1024 * 1024);
  });

  it("a VM that was saved in place can't be resumed", async () => {
    if (!(await bench.features()).savesInPlace) return;
    const { vm } = await bootTemplate(subject, bench);
    await vm.save(savePaths(vm.record.directory), bench.limit());
    await expect(vm.resume()).rejects.toThrow("in place");
    await vm.kill();
    expect(await exitOf(vm)).toEqual({ kind: "killed" });
  });
}

function refusals(subject: ContractSubject, bench: Bench, template: () => SavedVm): void {
  const { it } = bench;
  const refused = async (kept: SavedVm, error: object) => {
    const spec = await cloneSpec(subject, kept.spec);
    await expect(subject.driver().restore(kept.save, spec, bench.limit())).rejects.toMatchObject(error);
    await expectNoSockets(spec.directory);
  };

  const damages: [string, keyof Save["files"], (path: string) => Promise<void>, RegExp][] = [
    ["memory that is gone", "memory", removeTree, /memory\.bin is missing/],
    ["a state that is gone", "state", removeTree, /state\.bin is missing/],
    ["memory that was cut short", "memory", (path) => truncateTo(path, 4096), /memory\.bin has 4096 bytes instead of/],
    ["a state that was cut short", "state", (path) => truncateTo(path, 10), /state\.bin has 10 bytes instead of/],
    [
      "a state that grew",
      "state",
      (path) => truncateTo(path, maxStateBytes + 1),
      /state\.bin has \d+ bytes instead of/,
    ],
    ["a state with one other bit", "state", flipBit, /state\.bin does not match its digest/],
  ];
  for (const [what, part, damage, message] of damages) {
    it(`${what} is refused`, async () => {
      const kept = await copyOf(subject, template());
      await damage(kept.save.files[part]);
      await refused(kept, { code: "SAVE_DAMAGED", message: expect.stringMatching(message) });
    });
  }

  for (const change of [{ driver: "other" }, { version: "0.9.1" }, { accel: "none" as "kvm" }]) {
    it(`a save of another ${Object.keys(change)} is refused by name`, async () => {
      const { save, spec } = template();
      const named = expect.stringContaining(Object.values(change).join());
      await refused(
        { spec, save: { ...save, record: { ...save.record, ...change } } },
        { code: "SAVE_VERSION", message: named },
      );
    });
  }

  it("other devices are refused", async () => {
    const { save, spec } = template();
    const other = { ...spec, vcpu: spec.vcpu + 1 };
    await refused({ save, spec: other }, { code: "SAVE_OTHER_DEVICES" });
  });

  it("an aborted restore leaves nothing", async () => {
    const spec = await cloneSpec(subject, template().spec);
    const restore = subject.driver().restore(template().save, spec, AbortSignal.abort(new Error("changed my mind")));
    await expect(restore).rejects.toThrow("changed my mind");
    await expectNoSockets(spec.directory);
  });
}

function ofRunning(
  subject: ContractSubject,
  bench: Bench,
  template: () => SavedVm,
  { awake }: Pick<Clones, "awake">,
): void {
  const { it, agentOf } = bench;

  it("an open session continues, and no part of it reappears in a copy", async () => {
    const { vm, spec, agent } = await awake();
    const kept = await saveTo(subject, bench, vm, spec);
    for (const again of [await awake(kept), await awake(kept)]) await again.agent.ping();
    await vm.resume();
    if ((await bench.features()).keepsSessions) await agent.ping();
    else await (await agentOf(vm)).ping();
    agent.destroy();
    await (await agentOf(vm)).ping();
  });

  it("a VM runs on after a save, and the save has the state of that moment", async () => {
    const spec = await subject.spec();
    const vm = await bench.boot(subject.driver(), spec);
    const agent = await agentOf(vm);
    await subject.remember(vm, agent, "before");
    agent.destroy();
    const kept = await saveTo(subject, bench, vm, spec);
    await vm.resume();
    const later = await agentOf(vm);
    await subject.remember(vm, later, "after");
    const child = await awake(kept);
    expect(await subject.recall(child.vm, child.agent)).toBe("before");
    expect(await subject.recall(vm, later)).toBe("after");
  });

  it("saves of clones of clones have the clone's memory", async () => {
    let kept = template();
    for (const text of ["of the child", "of the grandchild"]) {
      const { vm, spec, agent } = await awake(kept);
      await subject.remember(vm, agent, text);
      agent.destroy();
      kept = await saveTo(subject, bench, vm, spec);
      await vm.kill();
    }
    const { vm, agent } = await awake(kept);
    expect(await subject.recall(vm, agent)).toBe("of the grandchild");
  });

  it("a VM with much in its memory is restored with all of it", async () => {
    const { vm, spec, agent } = await awake();
    const sum = await subject.fillMemory(vm, agent);
    agent.destroy();
    const kept = await saveTo(subject, bench, vm, spec);
    await vm.kill();
    const child = await awake(kept);
    expect(await subject.sumMemory(child.vm, child.agent)).toBe(sum);
  });

  it("an adopted VM can be saved", async () => {
    const { vm, spec, agent } = await awake();
    agent.destroy();
    vm.release();
    bench.forget(vm);
    const kept = await saveTo(subject, bench, await bench.adopted(vm), spec);
    const child = await awake(kept);
    expect(await subject.recall(child.vm, child.agent)).toBe("of the template");
  });

  it("a VM resumes from a save in its own folder", async () => {
    const { vm, spec, agent } = await awake();
    await subject.remember(vm, agent, "suspended");
    const files = savePaths(spec.directory);
    const record = await vm.save(files, bench.limit());
    await vm.kill();
    const woken = await bench.restore({ record, files }, spec);
    await Promise.all([removeTree(files.memory), removeTree(files.state)]);
    await woken.resume();
    expect(await subject.recall(woken, await agentOf(woken))).toBe("suspended");
  });

  it("a paused VM can be saved", async () => {
    const { vm, spec, agent } = await awake();
    agent.destroy();
    await vm.pause();
    const kept = await saveTo(subject, bench, vm, spec);
    const child = await awake(kept);
    expect(await subject.recall(child.vm, child.agent)).toBe("of the template");
  });

  it("a paused VM can be saved repeatedly", async () => {
    const { vm, spec, agent } = await awake();
    agent.destroy();
    await vm.pause();
    await saveTo(subject, bench, vm, spec);
    const kept = await saveTo(subject, bench, vm, await subject.spec());
    const child = await awake(kept);
    expect(await subject.recall(child.vm, child.agent)).toBe("of the template");
    await vm.resume();
    expect(await subject.recall(vm, await agentOf(vm))).toBe("of the template");
  });

  it("a save has the kind of network device that a restore must provide", async () => {
    const { save, spec } = template();
    expect(subject.driver().savedNetwork(save.record)).toBe(spec.net?.kind ?? null);
  });

  it("the files of a save are private, sparse and of the recorded sizes", async () => {
    const { vm, spec, agent } = await awake();
    agent.destroy();
    const { save } = await saveTo(subject, bench, vm, spec);
    expect(JSON.parse(JSON.stringify(save.record))).toEqual(save.record);
    const facts = await Promise.all([save.files.memory, save.files.state].map(factsOf));
    expect(facts.map(({ mode }) => mode)).toEqual([0o600, 0o600]);
    expect(facts.map(({ size }) => size)).toEqual([save.record.memoryBytes, save.record.stateBytes]);
    expect(facts[0]?.used).toBeLessThan(save.record.memoryBytes * 0.75);
  });

  for (const afterMs of [0, 2, 20]) {
    it(`after a save is aborted after ${afterMs} ms, the VM can run on`, async () => {
      const { vm, agent } = await awake();
      agent.destroy();
      const folder = (await subject.spec()).directory;
      const before = await listFolder(folder);
      const signal = afterMs === 0 ? AbortSignal.abort(new Error("enough")) : AbortSignal.timeout(afterMs);
      const saved = await vm.save(savePaths(folder), signal).then(
        () => true,
        () => false,
      );
      if (!saved) expect(await listFolder(folder)).toEqual(before);
      await vm.resume();
      expect(await subject.recall(vm, await agentOf(vm))).toBe("of the template");
      const again = await saveTo(subject, bench, vm, await subject.spec());
      expect(await exists(again.save.files.state)).toBe(true);
    });
  }
}
