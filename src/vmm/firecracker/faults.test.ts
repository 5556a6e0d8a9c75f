/** Firecrackers that fail, each at another step: nothing is left, and the error says what happened. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { listFolder } from "../../host/files/files.ts";
import { isAlive, signalProcess } from "../../host/process/children.ts";
import { processesAbout } from "../../host/process/tree.ts";
import { savePaths } from "../../model/paths.ts";
import type { BootSpec, RunningVm, Save } from "../driver.ts";
import { workBench } from "../testing/subject.ts";
import type { FirecrackerDeps } from "./driver.ts";
import { makeFakeHost } from "./testing/fake-host.ts";
import type { Fault } from "./testing/fake-settings.ts";

const host = makeFakeHost("fc-faults");
afterAll(() => host.remove());
afterEach(() => host.set({}));
const { kept, limit, agentOf, ...bench } = workBench(host.subject());

const boot = async (change: Partial<FirecrackerDeps> = {}, spec?: BootSpec) =>
  kept(await host.driver(change).boot(spec ?? (await host.spec()), limit()));

/** No process, no socket, no half of a save. */
async function expectNothingLeft({ directory }: { directory: string }): Promise<void> {
  expect((await listFolder(directory)).filter((name) => /sock$|^save|^load/.test(name))).toEqual([]);
  expect(processesAbout(directory, () => true)).toEqual([]);
}

/** A VM saved into the folder of another one, paused. */
async function saved(change: Partial<FirecrackerDeps> = {}): Promise<{ save: Save; spec: BootSpec; vm: RunningVm }> {
  const spec = await host.spec();
  const vm = await boot(change, spec);
  await host.subject().remember(vm, await agentOf(vm), "kept");
  const files = savePaths((await host.spec()).directory);
  const record = await vm.save(files, limit());
  return { save: { record, files }, spec, vm };
}

const bootSteps = [
  "PUT /machine-config",
  "PUT /cpu-config",
  "PUT /boot-source",
  "PUT /drives/d0",
  "PUT /vsock",
  "PUT /entropy",
  "PUT /balloon",
  "PUT /actions",
];
const faults: [string, Fault, RegExp][] = [
  ["is refused", { answer: "400", text: "this one is not liked" }, /this one is not liked/],
  ["has an internal error", { answer: "500", text: "it broke" }, /it broke/],
  ["is answered with garbage", { answer: "garbage" }, /does not answer in HTTP/],
  ["is the last that it gets", { answer: "dies", status: 3 }, /status 3/],
];

describe("a boot of which a step fails", () => {
  for (const step of bootSteps) {
    for (const [what, fault, message] of faults) {
      test(`${step} ${what}`, async () => {
        host.set({ faults: { [step]: fault } });
        const spec = await host.spec();
        await expect(host.driver().boot(spec, limit())).rejects.toMatchObject({
          code: "VMM_START_FAILED",
          message: expect.stringMatching(message),
        });
        await expectNothingLeft(spec);
      });
    }
  }

  test("nothing is started when KVM does not say what it offers of the CPU", async () => {
    const spec = await host.spec();
    await expect(host.driver({ cpuFeatures: () => null }).boot(spec, limit())).rejects.toMatchObject({
      code: "VMM_START_FAILED",
      message: expect.stringContaining("KVM does not say"),
    });
    await expectNothingLeft(spec);
  });

  test("a step without an answer ends after its time", async () => {
    host.set({ faults: { "PUT /vsock": { answer: "never" } } });
    const spec = await host.spec();
    await expect(host.driver({ answerMs: 300 }).boot(spec, limit())).rejects.toMatchObject({
      code: "VMM_START_FAILED",
      message: expect.stringContaining("no answer to PUT /vsock"),
    });
    await expectNothingLeft(spec);
  });

  test("an abort in the middle of a step leaves nothing", async () => {
    host.set({ faults: { "PUT /vsock": { answer: "never" } } });
    const spec = await host.spec();
    await expect(host.driver().boot(spec, AbortSignal.timeout(300))).rejects.toThrow("timed out");
    await expectNothingLeft(spec);
  });

  test("one that ends before it listens is reported with its own words", async () => {
    host.set({ diesAtStart: 1 });
    const spec = await host.spec();
    await expect(host.driver().boot(spec, limit())).rejects.toMatchObject({
      code: "VMM_START_FAILED",
      message: expect.stringContaining("status 1: it was told to die"),
    });
    await expectNothingLeft(spec);
  });

  test("one that never listens is waited for until the abort", async () => {
    host.set({ silent: true });
    const spec = await host.spec();
    await expect(host.driver().boot(spec, AbortSignal.timeout(300))).rejects.toThrow("timed out");
    await expectNothingLeft(spec);
  });

  test("sockets that an earlier one left do not stop the next", async () => {
    const spec = await host.spec();
    for (const name of ["api.sock", "v.sock", "save.memory", "load.state"])
      writeFileSync(`${spec.directory}/${name}`, "");
    await (await agentOf(await boot({}, spec))).ping();
  });
});

describe("a save", () => {
  test("is a sparse one of a booted VM, and whole where memory may be swapped out", async () => {
    host.set({ isSwapped: true });
    const swapped = await saved({ hasSwap: async () => true });
    host.set({});
    expect(await recalled(swapped.save, swapped.spec)).toBe("kept");
  });

  test("is whole when swap was turned on while it was made", async () => {
    host.set({ isSwapped: true });
    let looks = 0;
    const { save, spec } = await saved({ hasSwap: async () => looks++ > 0 });
    host.set({});
    expect(await recalled(save, spec)).toBe("kept");
  });

  test("is whole when swap was turned on since the last one", async () => {
    let isOn = false;
    const { vm, spec } = await saved({ hasSwap: async () => isOn });
    isOn = true;
    await vm.resume();
    const files = savePaths((await host.spec()).directory);
    const record = await vm.save(files, limit());
    expect(await recalled({ record, files }, spec)).toBe("kept");
  });

  test("that fills the disk is DISK_FULL, leaves no file, and the VM can run on and be saved", async () => {
    host.set({
      faults: {
        "PUT /snapshot/create": {
          answer: "400",
          text: "Create snapshot error: Cannot write memory file: No space left on device (os error 28)",
        },
      },
    });
    const spec = await host.spec();
    const vm = await boot({}, spec);
    const files = savePaths((await host.spec()).directory);
    await expect(vm.save(files, limit())).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await listFolder(files.memory.replace(/\/[^/]*$/, ""))).not.toContain("memory.bin");
    expect((await listFolder(spec.directory)).filter((name) => name.startsWith("save"))).toEqual([]);
    await vm.resume();
    await (await agentOf(vm)).ping();
  });

  test("during which Firecracker dies fails, and the VM has ended", async () => {
    host.set({ faults: { "PUT /snapshot/create": { answer: "dies", status: 3 } } });
    const vm = await boot();
    const files = savePaths((await host.spec()).directory);
    await expect(vm.save(files, limit())).rejects.toMatchObject({ code: "SAVE_FAILED" });
    expect(await vm.wait()).toMatchObject({ kind: "vmm-died", reason: expect.stringContaining("status 3") });
    await expectNothingLeft(vm.record);
  });
});

/** What the guest remembers in a restored copy of the save. */
async function recalled(save: Save, spec: BootSpec): Promise<string> {
  const fresh = await host.spec();
  const vm = kept(await host.driver().restore(save, { ...spec, id: fresh.id, directory: fresh.directory }, limit()));
  await vm.resume();
  return host.subject().recall(vm, await agentOf(vm));
}

describe("a restore", () => {
  for (const [what, fault, message] of faults) {
    test(`of which the load ${what}`, async () => {
      const { save, spec, vm } = await saved();
      host.set({ faults: { "PUT /snapshot/load": fault } });
      const fresh = await host.spec();
      const clone = { ...spec, id: fresh.id, directory: fresh.directory };
      await expect(host.driver().restore(save, clone, limit())).rejects.toMatchObject({
        code: "VMM_START_FAILED",
        message: expect.stringMatching(message),
      });
      await expectNothingLeft(fresh);
      await vm.kill();
    });
  }

  test("during which the process is killed leaves nothing", async () => {
    const { save, spec } = await saved();
    host.set({ faults: { "PUT /snapshot/load": { answer: "never" } } });
    const fresh = await host.spec();
    const clone = { ...spec, id: fresh.id, directory: fresh.directory };
    const restore = host.driver().restore(save, clone, limit(), () => {
      for (const pid of processesAbout(fresh.directory, () => true)) process.kill(pid, "SIGKILL");
    });
    await expect(restore).rejects.toMatchObject({
      code: "VMM_START_FAILED",
      message: expect.stringContaining("SIGKILL"),
    });
    await expectNothingLeft(fresh);
  });

  test("of a save of another version is refused, and nothing is started", async () => {
    const { save, spec } = await saved();
    host.set({ version: "1.13.1" });
    const driver = host.driver();
    await expect(driver.restore(save, spec, limit())).rejects.toMatchObject({
      code: "SAVE_VERSION",
      message: expect.stringMatching(/firecracker 1\.14\.1.*firecracker 1\.13\.1/),
    });
    await expect(driver.check(save, spec)).rejects.toMatchObject({ code: "SAVE_VERSION" });
  });

  test("of QEMU's save is refused", async () => {
    const { save, spec } = await saved();
    const record = { ...save.record, driver: "qemu", version: "7.2.22" };
    await expect(host.driver().restore({ ...save, record }, spec, limit())).rejects.toMatchObject({
      code: "SAVE_VERSION",
      message: expect.stringContaining("qemu 7.2.22"),
    });
  });
});

describe("a running VM", () => {
  test("goes on when its program is replaced; the next one is asked for its version", async () => {
    const driver = host.driver();
    const vm = kept(await driver.boot(await host.spec(), limit()));
    await rename(host.program, `${host.program}.old`);
    writeFileSync(host.program, `#!/bin/sh\nexec '${host.program}.old' "$@"\n`, { mode: 0o755 });
    host.set({ version: "1.15.0" });
    expect(await driver.probe()).toMatchObject({ usable: true, version: "1.15.0" });
    await (await agentOf(vm)).ping();
    expect(vm.record.version).toBe("1.14.1");
    const again = await host.driver().adopt(vm.record);
    await again?.pause();
    again?.release();
    await rename(`${host.program}.old`, host.program);
  });

  test("whose API is broken is not adopted by force, and can be ended", async () => {
    host.set({ faults: { "GET /": { answer: "garbage" } } });
    const vm = await boot();
    vm.release();
    bench.forget(vm);
    await expect(host.driver().adopt(vm.record)).rejects.toMatchObject({ code: "VMM_UNREACHABLE" });
    await host.driver().end(vm.record);
    expect(isAlive(vm.record.process)).toBe(false);
    await host.driver().clean(vm.record.directory);
    await expectNothingLeft(vm.record);
  });

  test("that stops answering is unreachable, and can be killed", async () => {
    host.set({ faults: { "PATCH /vm": { answer: "never" } } });
    const vm = await boot({ answerMs: 300 });
    await expect(vm.pause()).rejects.toMatchObject({ code: "VMM_UNREACHABLE" });
    await vm.kill();
    expect(await vm.wait()).toEqual({ kind: "killed" });
  });

  test("that halts ends as that", async () => {
    const subject = host.subject();
    const vm = await boot();
    await subject.end(vm, await agentOf(vm), "halt");
    expect(await vm.wait()).toEqual({ kind: "halt" });
  });

  test("that is killed from outside, with no daemon there, has no known end", async () => {
    const vm = await boot();
    vm.release();
    bench.forget(vm);
    signalProcess(vm.record.process, "SIGKILL");
    await host.driver().end(vm.record);
    const reason = expect.stringContaining("status is not known");
    expect(await host.driver().postMortem(vm.record)).toEqual({ kind: "vmm-died", reason });
    const ofEarlierBoot = { ...vm.record, process: { ...vm.record.process, boot: crypto.randomUUID() } };
    expect(await host.driver().postMortem(ofEarlierBoot)).toEqual({ kind: "killed" });
  });
});
