import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { isAlive, signalProcess } from "../../host/process/children.ts";
import { gate } from "../../host/testing/gate.ts";
import { driverContract } from "../driver.contract.ts";
import { endContract } from "../end.contract.ts";
import { saveContract } from "../save.contract.ts";
import { guestShell } from "../testing/guest-shell.ts";
import type { ContractSubject } from "../testing/subject.ts";
import { type TinyVms, tinyVms } from "../testing/tiny-vm.ts";

/** A text in a tmpfs, and a process that must exist in a clone too. */
const keep = (text: string) =>
  `echo '${text}' > /run/kept; [ -e /run/keeper ] || { sleep 100000 </dev/null >/dev/null 2>&1 & echo $! > /run/keeper; }`;

/** Fills memory, empties it, and trims the disk. */
const spoil = `mount -t tmpfs -o size=150m t /tmp; dd if=/dev/urandom of=/tmp/x bs=1M count=140; rm /tmp/x; umount /tmp
  dd if=/dev/zero of=/root/x bs=1M count=20; rm /root/x; sync; echo 3 > /proc/sys/vm/drop_caches`;

const unbind = (driver: string) => `cd /sys/bus/virtio/drivers/${driver} && device=$(echo virtio*) &&
  echo $device > unbind && [ ! -e $device ] && echo unbound`;
const rebind = (driver: string) => `${unbind(driver)} && echo $device > bind && [ -e $device ] && echo bound`;
const resettable = ["virtio_net", "virtio_rng"];

describe.skipIf(gate("vm") !== null)("on real VMs", () => {
  let vms: TinyVms;
  beforeAll(async () => {
    vms = await tinyVms("qemu");
  }, 300_000);
  afterAll(() => vms.remove());

  const subject: ContractSubject = {
    driver: () => vms.driver(),
    spec: () => vms.spec(),
    async brokenSpec() {
      const spec = await vms.spec();
      const vmlinux = `${spec.directory}/vmlinux`;
      await writeFile(vmlinux, "no kernel at all\n".repeat(1000));
      return { ...spec, vmlinux };
    },
    isAlive,
    killProcess: (process) => void signalProcess(process, "SIGKILL"),
    crashProcess: (process) => void signalProcess(process, "SIGSEGV"),
    panic: async (_vm, agent) => void (await guestShell(agent, "echo c > /proc/sysrq-trigger").catch(() => {})),
    print: async (_vm, agent, text) => void (await guestShell(agent, `echo '${text}' > /dev/console`)),
    remember: async (_vm, agent, text) => void (await guestShell(agent, keep(text))),
    recall: async (_vm, agent) => (await guestShell(agent, "kill -0 $(cat /run/keeper) && cat /run/kept")).trim(),
    kernelArgs: (_vm, agent) => guestShell(agent, "cat /proc/cmdline"),
    diskBytes: async (_vm, agent, device) => Number(await guestShell(agent, `cat /sys/block/${device}/size`)) * 512,
    spoil: async (_vm, agent) => void (await guestShell(agent, spoil)),
    end: async (_vm, agent, mode) => {
      if (mode === "halt") await guestShell(agent, "halt -f").catch(() => {});
      else await agent.open("poweroff", { mode, force: true });
    },
    resetDevices: async (_vm, agent) => {
      for (const driver of resettable) expect(await guestShell(agent, rebind(driver)), driver).toBe("unbound\nbound\n");
    },
    unbindDevices: async (_vm, agent) => {
      for (const driver of resettable) expect(await guestShell(agent, unbind(driver)), driver).toBe("unbound\n");
    },
    timeoutMs: 60_000,
  };
  test("an emulated VM that is paused uses no CPU time", async () => {
    const driver = vms.driver();
    const probe = await driver.probe();
    if (probe.usable && probe.accel === "kvm") return;
    const vm = await driver.boot(await vms.spec(), AbortSignal.timeout(60_000));
    const { pid } = vm.record.process;
    const isStopped = () => readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /, "")[0] === "T";
    // each of its threads has to meet the signal
    const stopped = async () => {
      while (!isStopped()) await new Promise(setImmediate);
    };
    try {
      await vm.pause();
      await stopped();
      await vm.resume();
      expect(isStopped()).toBe(false);
      await vm.pause();
      await stopped();
      const found = await vms.driver().adopt(vm.record);
      await found?.pause();
      await stopped();
      found?.release();
    } finally {
      await vm.kill();
    }
  });
  driverContract("qemu", subject);
  saveContract("qemu", subject);
  endContract("qemu", subject);
});
