/** What a guest, and a VMM that a guest has taken over, can't do; and how failures of a guest are reported. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { withTimeout } from "../../base/async.ts";
import { exists, listFolder, readText, truncateTo } from "../../host/files/files.ts";
import { processesAbout } from "../../host/process/tree.ts";
import { gate } from "../../host/testing/gate.ts";
import { vmPaths } from "../../model/paths.ts";
import { connectAgent } from "../../wire/agent/client.ts";
import type { BootSpec, RunningVm } from "../driver.ts";
import { guestShell } from "../testing/guest-shell.ts";
import { type TinyVms, tinyVms } from "../testing/tiny-vm.ts";
import { qemuFiles } from "./paths.ts";

const limitMs = 60_000;

describe.skipIf(gate("vm") !== null)("a hostile or unlucky guest", () => {
  let vms: TinyVms;
  let vm: RunningVm | null = null;
  beforeAll(async () => {
    vms = await tinyVms("hostile");
  }, 300_000);
  afterEach(() => vm?.kill());
  afterAll(() => vms.remove());

  async function boot(change: Partial<BootSpec> = {}) {
    vm = await vms.driver().boot(await vms.spec(change), AbortSignal.timeout(limitMs));
    const { stream, resync } = await vm.agent();
    return { vm, agent: await connectAgent(stream, { resync, timeoutMs: limitMs }) };
  }
  const exitOf = (of: RunningVm) => withTimeout(of.wait(), limitMs, () => new Error("the VM did not end"));

  test(
    "the VMM can't gain rights, has none, and makes only the system calls that it needs",
    async () => {
      const { vm } = await boot();
      const status = await readText(`/proc/${vm.record.process.pid}/status`, 16_384);
      expect(status).toMatch(/^NoNewPrivs:\s1$/m);
      expect(status).toMatch(/^Seccomp:\s2$/m);
      expect(status).toMatch(/^CapEff:\s0{16}$/m);
      expect(status).toMatch(/^CapPrm:\s0{16}$/m);
    },
    limitMs * 2,
  );

  test(
    "a guest that runs out of memory is reported as that",
    async () => {
      const { vm, agent } = await boot();
      await guestShell(
        agent,
        "echo 1 > /proc/sys/vm/panic_on_oom; mount -t tmpfs -o size=1g t /tmp; dd if=/dev/zero of=/tmp/x bs=1M",
      ).catch(() => {});
      expect(await exitOf(vm)).toEqual({ kind: "panic", reason: "out of memory" });
      expect(await vms.driver().postMortem(vm.record)).toEqual({ kind: "panic", reason: "out of memory" });
    },
    limitMs * 2,
  );

  test(
    "a guest that floods its console ends before it fills the host's disk",
    async () => {
      const { vm } = await boot();
      const limit = Number(
        /^Max file size\s+(\d+)/m.exec(await readText(`/proc/${vm.record.process.pid}/limits`, 16_384))?.[1],
      );
      expect(limit).toBe(256 * 1024 * 1024);
    },
    limitMs * 2,
  );

  test(
    "only logs and the disk are left in the folder of a VM that has ended",
    async () => {
      const { vm } = await boot();
      const paths = qemuFiles(vm.record.directory);
      await vm.kill();
      expect(await Promise.all([paths.qmp, paths.agent, `${paths.directory}/boot.sock`].map(exists))).toEqual([
        false,
        false,
        false,
      ]);
      expect(await exists(paths.disk)).toBe(true);
    },
    limitMs * 2,
  );

  test(
    "the disk grows while the guest runs",
    async () => {
      const { vm, agent } = await boot();
      const bytes = 512 * 1024 * 1024;
      await truncateTo(vmPaths(vm.record.directory).disk, bytes);
      await vm.grow("data", bytes);
      await guestShell(agent, "true");
      const grown = await agent.open("grow", {});
      expect(Number(grown.reply["bytes"])).toBeGreaterThan(400 * 1024 * 1024);
    },
    limitMs * 2,
  );

  test(
    "a VMM without its network's socket does not start, and the error names the socket",
    async () => {
      const plain = await vms.spec();
      const socket = `${plain.directory}/nobody.sock`;
      const spec: BootSpec = { ...plain, net: { kind: "stream", socket, mac: "02:00:00:00:00:01" } };
      await expect(vms.driver().boot(spec, AbortSignal.timeout(limitMs))).rejects.toMatchObject({
        code: "VMM_START_FAILED",
        message: expect.stringContaining(`${socket}: No such file or directory`),
      });
      expect(processesAbout(spec.directory, () => true)).toEqual([]);
      expect((await listFolder(spec.directory)).filter((name) => name.endsWith(".sock"))).toEqual([]);
    },
    limitMs * 2,
  );

  test(
    "an aborted boot leaves no process and no socket",
    async () => {
      const spec = await vms.spec();
      for (const afterMs of [5, 15, 30, 45]) {
        const boot = vms.driver().boot(spec, AbortSignal.timeout(afterMs));
        await boot.then(
          (late) => late.kill(),
          () => {},
        );
        expect(processesAbout(spec.directory, () => true)).toEqual([]);
        expect((await listFolder(spec.directory)).filter((name) => name.endsWith(".sock"))).toEqual([]);
      }
    },
    limitMs * 2,
  );
});
