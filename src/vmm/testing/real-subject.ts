/** A contract's subject whose VMs are real ones. */
import { expect } from "bun:test";
import { writeFile } from "node:fs/promises";
import { isAlive, signalProcess } from "../../host/process/children.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import { cableGateway, cableGuest } from "./cable.ts";
import { guestShell } from "./guest-shell.ts";
import type { ContractSubject } from "./subject.ts";
import type { TinyVms } from "./tiny-vm.ts";

/** A text in a tmpfs, and a process that must exist in a clone too. */
const keep = (text: string) =>
  `echo '${text}' > /run/kept; [ -e /run/keeper ] || { sleep 100000 </dev/null >/dev/null 2>&1 & echo $! > /run/keeper; }`;

/** 64 MiB, of which no two pages are the same. */
const fill = `dd if=/dev/urandom of=/run/block bs=1M count=1 2>/dev/null
  for at in $(seq 64); do echo $at; cat /run/block; done > /run/filled; cksum < /run/filled`;

/** Fills memory, empties it, and trims the disk. */
const spoil = `mount -t tmpfs -o size=150m t /tmp; dd if=/dev/urandom of=/tmp/x bs=1M count=140; rm /tmp/x; umount /tmp
  dd if=/dev/zero of=/root/x bs=1M count=20; rm /root/x; sync; echo 3 > /proc/sys/vm/drop_caches`;

/** Has the gateway resolved anew, because the neighbours are part of a save, and waits for its answer to a ping. */
const ping = `ip addr add ${cableGuest}/24 dev eth0 2>/dev/null; ip link set eth0 up; ip neigh flush dev eth0 >/dev/null 2>&1
  ping -q -c 1 -w 30 ${cableGateway} >/dev/null && cat /sys/class/net/eth0/carrier`;

const unbind = (driver: string) => `cd /sys/bus/virtio/drivers/${driver} && device=$(echo virtio*) &&
  echo $device > unbind && [ ! -e $device ] && echo unbound`;
const rebind = (driver: string) => `${unbind(driver)} && echo $device > bind && [ -e $device ] && echo bound`;

type Devices = {
  /** whether the network device is the VMM's, not the agent's */
  hasNetDevice: boolean;
  /** whether a device works again after a driver has reset it */
  canReset: boolean;
};

/** @param vms called in each test: they are made before the first */
export function realSubject(vms: () => TinyVms, { hasNetDevice, canReset }: Devices): ContractSubject {
  const resettable = [...(hasNetDevice ? ["virtio_net"] : []), "virtio_rng"];
  const forEachReset = async (agent: AgentClient, line: (driver: string) => string, said: string) => {
    for (const driver of resettable) expect(await guestShell(agent, line(driver)), driver).toBe(said);
  };
  return {
    driver: () => vms().driver(),
    spec: () => vms().wired(),
    async brokenSpec() {
      const spec = await vms().wired();
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
    fillMemory: (_vm, agent) => guestShell(agent, fill),
    sumMemory: (_vm, agent) => guestShell(agent, "cksum < /run/filled"),
    exchange: hasNetDevice ? async (_vm, agent) => expect(await guestShell(agent, ping)).toBe("1\n") : null,
    kernelArgs: (_vm, agent) => guestShell(agent, "cat /proc/cmdline"),
    cpuFlags: (_vm, agent) => guestShell(agent, "grep -m 1 ^flags /proc/cpuinfo"),
    diskBytes: async (_vm, agent, device) => Number(await guestShell(agent, `cat /sys/block/${device}/size`)) * 512,
    spoil: async (_vm, agent) => void (await guestShell(agent, spoil)),
    end: async (_vm, agent, mode) => {
      if (mode === "halt") await guestShell(agent, "halt -f").catch(() => {});
      else await agent.open("poweroff", { mode, force: true });
    },
    resetDevices: canReset ? (_vm, agent) => forEachReset(agent, rebind, "unbound\nbound\n") : null,
    unbindDevices: (_vm, agent) => forEachReset(agent, unbind, "unbound\n"),
    timeoutMs: 60_000,
  };
}
