/** A contract's subject whose VMs are real ones. */
import { expect } from "bun:test";
import { writeFile } from "node:fs/promises";
import { isAlive, signalProcess } from "../../host/process/children.ts";
import { guestShell } from "./guest-shell.ts";
import type { ContractSubject } from "./subject.ts";
import type { TinyVms } from "./tiny-vm.ts";

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

/** @param vms called in each test: they are made before the first */
export function realSubject(vms: () => TinyVms): ContractSubject {
  return {
    driver: () => vms().driver(),
    spec: () => vms().spec(),
    async brokenSpec() {
      const spec = await vms().spec();
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
}
