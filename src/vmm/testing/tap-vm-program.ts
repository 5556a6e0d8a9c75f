/**
 * Boots a small VM with a TAP interface of this network namespace, saves it, and restores it with another one. Prints what its guest could reach,
 * as JSON. Started by `qemu/tap.root.test.ts`; arguments: names of the two interfaces.
 */

import { savePaths } from "../../model/paths.ts";
import { connectAgent } from "../../wire/agent/client.ts";
import type { BootSpec, NetDevice, RunningVm } from "../driver.ts";
import { guestShell } from "./guest-shell.ts";
import { tinyVms } from "./tiny-vm.ts";

const gateway = "198.51.100.1";
const limitMs = 120_000;
const [first = "", second = ""] = process.argv.slice(2);
const limit = () => AbortSignal.timeout(limitMs);

/** MAC, address, and whether the gateway answers a ping through the device. */
async function ping(vm: RunningVm, address: string): Promise<string> {
  const { stream, resync } = await vm.agent();
  const agent = await connectAgent(stream, { resync, timeoutMs: limitMs });
  const line = `ip addr flush dev eth0; ip addr add ${address}/24 dev eth0; ip link set eth0 up; ip neigh flush dev eth0 >/dev/null 2>&1
    ping -q -c 1 -w 60 ${gateway} >/dev/null && cat /sys/class/net/eth0/carrier`;
  const said = await guestShell(agent, line);
  agent.destroy();
  return said.trim();
}

const tap = (name: string, last: string): NetDevice => ({ kind: "tap", name, mac: `02:00:00:00:00:${last}` });
const vms = await tinyVms("tap");
try {
  const driver = vms.driver();
  const spec: BootSpec = { ...(await vms.spec()), net: tap(first, "01") };
  const vm = await driver.boot(spec, limit());
  const booted = await ping(vm, "198.51.100.2");
  const files = savePaths((await vms.spec()).directory);
  const record = await vm.save(files, limit());
  await vm.kill();
  const { id, directory } = await vms.spec();
  const clone = await driver.restore({ record, files }, { ...spec, id, directory, net: tap(second, "02") }, limit());
  await clone.resume();
  const restored = await ping(clone, "198.51.100.2");
  await clone.kill();
  console.log(JSON.stringify({ booted, restored, network: driver.savedNetwork(record) }));
} finally {
  vms.remove();
}
