/** What the contract suites ask about a guest's disks. */
import { expect } from "bun:test";
import { sizeOf, truncateTo, writeAtomic } from "../../host/files/files.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import type { BlockDevice, BootSpec, RunningVm } from "../driver.ts";
import type { ContractSubject } from "./subject.ts";

/** As many as a VM has whose image has the most layers: 12 of them, direct folders, modules and data. */
const mostDisks = 15;

/** `spec` with more disks before its own, each of another size. @param atMost as many as the driver has */
export async function withMostDisks(spec: BootSpec, atMost: number): Promise<BootSpec> {
  const count = Math.min(mostDisks, atMost) - spec.blockDevices.length;
  const more = Array.from({ length: count }, async (_, at): Promise<BlockDevice> => {
    const path = `${spec.directory}/more${at}`;
    await writeAtomic(path, "");
    await truncateTo(path, (at + 1) * 1024 * 1024);
    return { name: `more${at}`, path, readOnly: true };
  });
  return { ...spec, blockDevices: [...(await Promise.all(more)), ...spec.blockDevices] };
}

/** Each disk of `devices` is in the guest's `banger.disks`, and has the size of its file under the device name that is there. */
export async function expectDisksFound(
  subject: ContractSubject,
  vm: RunningVm,
  agent: AgentClient,
  devices: readonly BlockDevice[],
): Promise<void> {
  const line = await subject.kernelArgs(vm, agent);
  const disks = (/(?:^| )banger\.disks=(\S+)/.exec(line)?.[1] ?? "").split(",").map((disk) => disk.split(":"));
  expect(disks.map(([name]) => name)).toEqual(devices.map(({ name }) => name));
  for (const [at, [name, device = "", bytes]] of disks.entries()) {
    const size = await sizeOf(devices[at]?.path ?? "");
    expect([name, Number(bytes), await subject.diskBytes(vm, agent, device)]).toEqual([name, size, size]);
  }
}
