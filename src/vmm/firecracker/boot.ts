/** The requests that set up and start a VM. */
import { fail } from "../../base/errors/error.ts";
import { sizeOf } from "../../host/files/files.ts";
import type { FirecrackerApi } from "../../wire/firecracker/client.ts";
import { type HiddenBits, requests } from "../../wire/firecracker/requests.ts";
import { diskArgument, virtioDiskName } from "../disks.ts";
import type { BootSpec } from "../driver.ts";
import { kernelCmdline } from "./cmdline.ts";
import { names } from "./paths.ts";
import { reportsFreePages } from "./version.ts";

/** Each VM has a socket of its own, so all guests can have the same: the first that is free (vsock(7)). */
const guestCid = 3;
/** The kernel is read then: up to half a minute on a slow disk. */
const startMs = 120_000;

export type BootFacts = { version: string /** of the CPU, from the guest */; hidden: readonly HiddenBits[] };

export async function bootVm(api: FirecrackerApi, spec: BootSpec, { version, hidden }: BootFacts): Promise<void> {
  const { vcpu, memoryMib, vmlinux, initramfs, blockDevices, net } = spec;
  await api.ask(requests.machine({ vcpus: vcpu, memoryMib }));
  if (hidden.length > 0) await api.ask(requests.cpu(hidden));
  await api.ask(requests.bootSource({ kernel: vmlinux, initrd: initramfs, args: await kernelArgs(spec) }));
  for (const [index, { readOnly, cache }] of blockDevices.entries()) {
    const id = names.disk(index);
    await api.ask(requests.drive({ id, path: id, readOnly, cache: cache === "unsafe" ? "Unsafe" : "Writeback" }));
  }
  await api.ask(requests.vsock({ cid: guestCid, socket: names.vsock }));
  if (net?.kind === "tap") await api.ask(requests.network({ id: names.network, tap: net.name, mac: net.mac }));
  await api.ask(requests.entropy());
  if (reportsFreePages(version)) await api.ask(requests.balloon());
  await api.ask(requests.start(), startMs);
}

async function kernelArgs({ blockDevices, kernelArgs: own }: BootSpec): Promise<string> {
  const sizes = await Promise.all(blockDevices.map(({ path }) => sizeOf(path))).catch((error: Error) => {
    throw fail("VMM_START_FAILED", { driver: "firecracker", reason: error.message });
  });
  const disks = diskArgument(blockDevices, sizes, virtioDiskName);
  return kernelCmdline(["banger.port=vsock", disks, ...own], blockDevices.length);
}
