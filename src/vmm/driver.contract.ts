/** Tests that every VMM driver passes, including the in-memory fake, so that other tests can rely on the fake. */
import { describe, expect } from "bun:test";
import { readText, watchFile } from "../host/files/files.ts";
import { vmPaths } from "../model/paths.ts";
import { expectPlainCpu } from "./testing/cpu.ts";
import { expectDisksFound, withMostDisks } from "./testing/disks.ts";
import { type ContractSubject, expectNoSockets, workBench } from "./testing/subject.ts";

export function driverContract(name: string, subject: ContractSubject): void {
  describe(`${name}: the driver contract`, () => {
    const { it, boot, forget, agentOf, exitOf, adopted, features } = workBench(subject);
    /** Null: this driver can't pause. */
    const bootPaused = async () => {
      if (!(await features()).pause) return null;
      const vm = await boot();
      const agent = await agentOf(vm);
      await vm.pause();
      return { vm, agent };
    };

    it("the agent of a booted VM answers, and kill() ends the VM as killed", async () => {
      const vm = await boot();
      expect(subject.isAlive(vm.record.process)).toBe(true);
      const agent = await agentOf(vm);
      expect(agent.hello?.protocol).toBe(1);
      await agent.ping();
      await vm.kill();
      expect(await exitOf(vm)).toEqual({ kind: "killed" });
      expect(subject.isAlive(vm.record.process)).toBe(false);
      await vm.kill();
    });

    it("a guest sees neither nested virtualisation nor performance counters", async () => {
      const vm = await boot();
      await expectPlainCpu(subject, vm, await agentOf(vm));
    });

    it("the guest has each of its disks under the name that its kernel arguments give it", async () => {
      const { maxDisks } = await features();
      const spec = await withMostDisks(await subject.spec(), maxDisks);
      const vm = await boot(subject.driver(), spec);
      await expectDisksFound(subject, vm, await agentOf(vm), spec.blockDevices);
    });

    for (const [mode, kind] of [
      ["poweroff", "poweroff"],
      ["reboot", "reboot"],
    ] as const) {
      it(`a guest that asks for ${mode} ends as ${kind}`, async () => {
        const vm = await boot();
        const agent = await agentOf(vm);
        await agent.open("poweroff", { mode, force: true });
        expect(await exitOf(vm)).toEqual({ kind });
        expect(subject.isAlive(vm.record.process)).toBe(false);
      });
    }

    it("a panic is reported with its reason", async () => {
      const vm = await boot();
      await subject.panic(vm, await agentOf(vm));
      const exit = await exitOf(vm);
      expect(exit.kind).toBe("panic");
      expect("reason" in exit && exit.reason).not.toBe("");
    });

    it("a VMM that is killed from outside is reported with the signal", async () => {
      const vm = await boot();
      subject.killProcess(vm.record.process);
      const exit = await exitOf(vm);
      expect(exit).toMatchObject({ kind: "vmm-died", reason: expect.stringContaining("SIGKILL") });
    });

    it("a VM outlives the handle and is adopted by another driver", async () => {
      const first = await boot();
      (await agentOf(first)).destroy();
      first.release();
      forget(first);
      const second = await adopted(first);
      const agent = await agentOf(second);
      await agent.ping();
      await agent.open("poweroff", { mode: "poweroff", force: true });
      expect(await exitOf(second)).toEqual({ kind: "poweroff" });
    });

    it("a paused VM is still paused after adoption, and runs when it is resumed", async () => {
      const paused = await bootPaused();
      if (!paused) return;
      const { vm: first, agent } = paused;
      agent.destroy();
      first.release();
      forget(first);
      const second = await adopted(first);
      await second.pause();
      await second.resume();
      await (await agentOf(second)).ping();
      await second.pause();
      await second.kill();
      expect(await exitOf(second)).toEqual({ kind: "killed" });
    });

    it("a VM that ended without a daemon is not adopted, and its logs show how it ended", async () => {
      const vm = await boot();
      const agent = await agentOf(vm);
      await agent.open("poweroff", { mode: "poweroff", force: true });
      await exitOf(vm);
      const driver = subject.driver();
      expect(await driver.adopt(vm.record)).toBeNull();
      expect(await driver.postMortem(vm.record)).toEqual({ kind: "poweroff" });
    });

    it("a VM can be ended by its record alone, also twice", async () => {
      const vm = await boot();
      const driver = subject.driver();
      // the same pid and start time in another boot of the host is another process, and the VM was ended with its host
      const ofEarlierBoot = { ...vm.record, process: { ...vm.record.process, boot: crypto.randomUUID() } };
      expect(await driver.adopt(ofEarlierBoot)).toBeNull();
      await driver.end(ofEarlierBoot);
      expect(subject.isAlive(vm.record.process)).toBe(true);
      await driver.end(vm.record);
      await exitOf(vm);
      expect(await driver.adopt(vm.record)).toBeNull();
      await driver.end(vm.record);
      expect(await driver.postMortem(ofEarlierBoot)).toEqual({ kind: "killed" });
    });

    it("the folder of a VM that was ended by its record can be cleaned, also twice", async () => {
      const vm = await boot();
      vm.release();
      forget(vm);
      const driver = subject.driver();
      await driver.end(vm.record);
      await driver.clean(vm.record.directory);
      await expectNoSockets(vm.record.directory);
      await driver.clean(vm.record.directory);
    });

    it("the probe of a usable driver has its name and network devices", async () => {
      const driver = subject.driver();
      const probe = await driver.probe();
      if (!probe.usable) throw new Error(probe.why);
      expect(probe.driver).toBe(driver.name);
      expect(probe.features.netDevices.length).toBeGreaterThan(0);
    });

    it("the record survives JSON", async () => {
      const vm = await boot();
      expect(JSON.parse(JSON.stringify(vm.record))).toEqual(vm.record);
    });

    it("a second connection to the agent replaces the first", async () => {
      const vm = await boot();
      const first = await agentOf(vm);
      const second = await agentOf(vm);
      await first.closed;
      await second.ping();
    });

    it("the console is logged", async () => {
      const vm = await boot();
      const text = "printed by the guest";
      await subject.print(vm, await agentOf(vm), text);
      await logged(vmPaths(vm.record.directory).serialLog, text);
    });

    it("stats are those of a living process", async () => {
      const vm = await boot();
      await agentOf(vm);
      const stats = await vm.stats();
      expect(stats.rssBytes).toBeGreaterThan(1024 * 1024);
      expect(stats.cpuMs).toBeGreaterThanOrEqual(0);
    });

    it("a paused VM's agent is silent until it is resumed", async () => {
      const paused = await bootPaused();
      if (!paused) return;
      const { vm, agent } = paused;
      const answer = agent.ping().then(() => "answer");
      expect(await Promise.race([answer, vm.stats().then(() => "nothing yet")])).toBe("nothing yet");
      await vm.resume();
      expect(await answer).toBe("answer");
    });

    it("two VMs run side by side", async () => {
      const driver = subject.driver();
      const [one, two] = [await boot(driver), await boot(driver)];
      expect(one.record.process.pid).not.toBe(two.record.process.pid);
      await one.kill();
      expect(subject.isAlive(two.record.process)).toBe(true);
      await (await agentOf(two)).ping();
    });

    it("a broken kernel fails with a reason, and nothing is left", async () => {
      const spec = await subject.brokenSpec();
      const boot = subject.driver().boot(spec, AbortSignal.timeout(subject.timeoutMs));
      await expect(boot).rejects.toMatchObject({ code: "VMM_START_FAILED", message: expect.stringMatching(/kernel/i) });
      await expectNoSockets(spec.directory);
    });

    it("an aborted boot leaves nothing", async () => {
      const spec = await subject.spec();
      const boot = subject.driver().boot(spec, AbortSignal.abort(new Error("changed my mind")));
      await expect(boot).rejects.toThrow("changed my mind");
      await expectNoSockets(spec.directory);
    });
  });
}

/** Resolves when the file contains the text. */
async function logged(path: string, text: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () =>
    void readText(path, 1024 * 1024).then(
      (content) => content.includes(text) && resolve(),
      () => {},
    );
  const watch = watchFile(path, look);
  look();
  await promise;
  watch.close();
}
