/** Real guests that write to a disk whose file system on the host is full: a tmpfs of their own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { gate } from "../../host/testing/gate.ts";
import { connectAgent } from "../../wire/agent/client.ts";
import type { BootSpec, RunningVm } from "../driver.ts";
import { type StopSubject, stopContract } from "../stop.contract.ts";
import { guestShell } from "../testing/guest-shell.ts";
import { type TinyVms, tinyVms } from "../testing/tiny-vm.ts";

const reason = gate("root") ?? gate("vm");
const mib = 1024 * 1024;

function run(...argv: string[]): void {
  const done = Bun.spawnSync(argv);
  if (done.exitCode !== 0) throw new Error(`${argv.join(" ")}: ${done.stderr.toString()}`);
}

describe.skipIf(reason !== null)(reason === null ? "a full disk" : `a full disk [${reason}]`, () => {
  let vms: TinyVms;
  const mounted: string[] = [];
  beforeAll(async () => {
    vms = await tinyVms("qemu-stop");
  }, 300_000);
  afterAll(() => {
    for (const folder of mounted) Bun.spawnSync(["umount", "-l", folder]);
    vms.remove();
  });

  async function spec(): Promise<BootSpec> {
    const made = await vms.spec();
    const small = `${made.directory}/small`;
    mkdirSync(small);
    run("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", small);
    mounted.push(small);
    const path = `${small}/disk.ext4`;
    run("cp", "--sparse=always", `${made.directory}/disk.ext4`, path);
    const blockDevices = made.blockDevices.map((one) => (one.name === "data" ? { ...one, path } : one));
    return { ...made, blockDevices };
  }

  const small = (vm: RunningVm) => `${vm.record.directory}/small`;
  function fill(vm: RunningVm): void {
    const { bavail, bsize } = statfsSync(small(vm));
    writeFileSync(`${small(vm)}/ballast`, Buffer.alloc(bavail * bsize - mib, 1));
  }
  const write = "dd if=/dev/zero of=/root/big bs=1M count=20 conv=fsync";

  const subject: StopSubject = {
    driver: () => vms.driver(),
    spec,
    async fillDisk(vm, agent) {
      fill(vm);
      void guestShell(agent, write).catch(() => {});
    },
    makeRoom: async (vm) => rmSync(`${small(vm)}/ballast`),
    timeoutMs: 60_000,
  };
  stopContract("qemu", subject);

  test("data being written is intact after the guest was resumed", async () => {
    const vm = await vms.driver().boot(await spec(), AbortSignal.timeout(60_000));
    try {
      const { stream, resync } = await vm.agent();
      const agent = await connectAgent(stream, { resync, timeoutMs: 60_000 });
      const stopped = new Promise<void>((resolve) => vm.onStopped(() => resolve()));
      fill(vm);
      const drop = "echo 3 > /proc/sys/vm/drop_caches";
      const make = "yes banger | head -c 8000000 > /root/big; sync";
      const sums = guestShell(agent, `${make}; ${drop}; md5sum < /root/big; yes banger | head -c 8000000 | md5sum`);
      await stopped;
      rmSync(`${small(vm)}/ballast`);
      await vm.resume();
      const [read, made] = (await sums).trim().split("\n");
      expect(read).toBe(made as string);
      expect(read).toMatch(/^[0-9a-f]{32}/);
    } finally {
      await vm.kill();
    }
  }, 240_000);
});
