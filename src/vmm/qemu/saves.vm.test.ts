/** Tests of saves with real QEMUs, beyond the contract. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { copySparse, listFolder, readBytes, readText, removeTree } from "../../host/files/files.ts";
import { processesAbout } from "../../host/process/tree.ts";
import { gate } from "../../host/testing/gate.ts";
import { savePaths, vmPaths } from "../../model/paths.ts";
import { connectAgent } from "../../wire/agent/client.ts";
import type { BootSpec, RunningVm, Save } from "../driver.ts";
import { digestOf, makeDurable, maxStateBytes } from "../save-files.ts";
import { guestShell } from "../testing/guest-shell.ts";
import { type TinyVms, tinyVms } from "../testing/tiny-vm.ts";

const limitMs = 60_000;

/** Copies a file in memory again and again, and prints when a copy differs. */
const writer = `dd if=/dev/urandom of=/run/a bs=1M count=8 2>/dev/null; sha256sum < /run/a
  (while :; do cp /run/a /run/b; cmp -s /run/a /run/b || echo differs >> /run/bad; done) >/dev/null 2>&1 </dev/null &
  echo $! > /run/writer; touch /run/bad`;
const limit = () => AbortSignal.timeout(limitMs);

describe.skipIf(gate("vm") !== null)("saves of real VMs", () => {
  let vms: TinyVms;
  let save: Save;
  beforeAll(async () => {
    vms = await tinyVms("saves");
    save = await makeTemplate(vms);
  }, 300_000);
  afterAll(() => vms.remove());
  const cloneSpec = async () => {
    const spec = await vms.spec();
    const { disk } = vmPaths(spec.directory);
    await removeTree(disk);
    await copySparse(vmPaths(dirname(save.files.memory)).disk, disk);
    return spec;
  };
  const it = (what: string, body: () => Promise<void>) => test(what, body, limitMs * 2);

  it("a state that QEMU refuses fails with its message, and nothing is left", async () => {
    const state = Buffer.from(await readBytes(save.files.state, maxStateBytes));
    const cases: [string, Buffer][] = [
      ["cut short", state.subarray(0, state.length >> 1)],
      ["no stream at all", Buffer.from("this is no stream")],
      ["without one device", Buffer.from(state.toString("latin1").replace("serial", "siral?"), "latin1")],
    ];
    for (const [what, bytes] of cases) {
      const spec = await cloneSpec();
      const files = { ...save.files, state: savePaths(spec.directory).state };
      writeFileSync(files.state, bytes);
      const record = { ...save.record, stateBytes: bytes.length, stateDigest: digestOf(bytes) };
      const restored = vms.driver().restore({ record, files }, spec, limit());
      await expect(restored, what).rejects.toMatchObject({
        code: "VMM_START_FAILED",
        message: expect.stringMatching(/status 1: \S/),
      });
      expect((await listFolder(spec.directory)).filter((name) => name.endsWith(".sock"))).toEqual([]);
      expect(processesAbout(spec.directory, () => true)).toEqual([]);
    }
  });

  it("an aborted restore leaves no process and no socket", async () => {
    const spec = await cloneSpec();
    for (const afterMs of [1, 5, 15, 30, 40]) {
      const restore = vms.driver().restore(save, spec, AbortSignal.timeout(afterMs));
      await restore.then(
        (late) => late.kill(),
        () => {},
      );
      expect(processesAbout(spec.directory, () => true)).toEqual([]);
      expect((await listFolder(spec.directory)).filter((name) => name.endsWith(".sock"))).toEqual([]);
    }
  });

  it("repeated restores leak nothing in this process", async () => {
    const driver = vms.driver();
    const once = async () => {
      const spec = await cloneSpec();
      const vm = await driver.restore(save, spec, limit());
      await vm.resume();
      (await agentOf(vm)).destroy();
      await vm.kill();
      await removeTree(spec.directory);
    };
    await once();
    const before = readdirSync("/proc/self/fd").length;
    for (let round = 0; round < 10; round++) await once();
    expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before);
  });

  it("aborted and completed saves leave no descriptor here or in QEMU", async () => {
    const vm = await vms.driver().restore(save, await cloneSpec(), limit());
    const open = (pid: number | "self") => readdirSync(`/proc/${pid}/fd`).length;
    const both = () => [open("self"), open(vm.record.process.pid)];
    const once = async (signal: AbortSignal) => {
      const { directory } = await vms.spec();
      await vm.save(savePaths(directory), signal).catch(() => {});
      await vm.resume();
      await removeTree(directory);
    };
    try {
      await vm.resume();
      await once(limit());
      const before = both();
      for (const afterMs of [1, 2, 5, 10, 20, 40]) await once(AbortSignal.timeout(afterMs));
      await once(limit());
      // QEMU closes its end a moment after it reports completion
      const deadline = Date.now() + limitMs;
      while (String(both()) !== String(before) && Date.now() < deadline) await new Promise(setImmediate);
      expect(both()).toEqual(before);
    } finally {
      await vm.kill();
    }
  });

  it("a clone maps the save's memory privately", async () => {
    const vm = await vms.driver().restore(save, await cloneSpec(), limit());
    try {
      const maps = await readText(`/proc/${vm.record.process.pid}/maps`, 4 * 1024 * 1024);
      const lines = maps.split("\n").filter((line) => line.endsWith(save.files.memory));
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(line).toMatch(/^\S+ ..-p|^\S+ rw.p/);
    } finally {
      await vm.kill();
    }
  });

  it("a guest that writes all the time is paused only for a moment, and its child is intact", async () => {
    const spec = await cloneSpec();
    const vm = await vms.driver().restore(save, spec, limit());
    await vm.resume();
    const agent = await agentOf(vm);
    const before = await guestShell(agent, writer);
    const files = savePaths((await vms.spec()).directory);
    const record = await vm.save(files, limit());
    await makeDurable(files);
    await vm.kill();
    const child = await vms.driver().restore({ record, files }, spec, limit());
    try {
      await child.resume();
      const later = await agentOf(child);
      expect(await guestShell(later, "kill -0 $(cat /run/writer) && echo runs; cat /run/bad")).toBe("runs\n");
      expect(await guestShell(later, "cp /run/a /run/c; cmp /run/a /run/c; sha256sum < /run/a")).toBe(before);
    } finally {
      await child.kill();
    }
  });
});

async function agentOf(vm: RunningVm) {
  const { stream, resync } = await vm.agent();
  return connectAgent(stream, { resync, timeoutMs: limitMs });
}

async function makeTemplate(vms: TinyVms): Promise<Save> {
  const plain = await vms.spec();
  const files = savePaths(plain.directory);
  const spec: BootSpec = { ...plain, memory: { path: files.memory } };
  const vm = await vms.driver().boot(spec, limit());
  const agent = await agentOf(vm);
  await guestShell(agent, "true");
  agent.destroy();
  const record = await vm.save(files, limit());
  await vm.kill();
  return { record, files };
}
