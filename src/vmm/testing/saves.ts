/** Common steps of tests of saves: templates, clones, and damage. */
import { stat } from "node:fs/promises";
import { copySparse, readBytes, removeTree } from "../../host/files/files.ts";
import { withRandomAccess } from "../../host/files/random-access.ts";
import { savePaths } from "../../model/paths.ts";
import type { BootSpec, RunningVm, Save } from "../driver.ts";
import { maxStateBytes } from "../save-files.ts";
import type { Bench, ContractSubject } from "./subject.ts";

/** A save, and the VM's specification with its disks at that time. */
export type SavedVm = { save: Save; spec: BootSpec };

/** A VM whose memory is in a file. */
export async function bootTemplate(subject: ContractSubject, bench: Bench) {
  const plain = await subject.spec();
  const spec = { ...plain, memory: { path: savePaths(plain.directory).memory } };
  const vm = await subject.driver().boot(spec, bench.limit());
  return { vm: bench.kept(vm), spec };
}

/** Its network device has carried frames by then. */
export async function makeTemplate(subject: ContractSubject, bench: Bench): Promise<SavedVm> {
  const { vm, spec } = await bootTemplate(subject, bench);
  const agent = await bench.agentOf(vm);
  await subject.remember(vm, agent, "of the template");
  await subject.exchange?.(vm, agent);
  agent.destroy();
  const files = savePaths(spec.directory);
  const record = await vm.save(files, bench.limit());
  await vm.kill();
  const { memory: _, ...later } = spec;
  return { spec: later, save: { record, files } };
}

/** `of` in a new folder, with copies of its disks, and a cable of its own. */
export async function cloneSpec(subject: ContractSubject, of: BootSpec): Promise<BootSpec> {
  const { id, directory, net, blockDevices: fresh } = await subject.spec();
  const blockDevices = await Promise.all(
    of.blockDevices.map(async (device) => {
      if (device.readOnly) return device;
      const path = fresh.find(({ name }) => name === device.name)?.path ?? "";
      await removeTree(path);
      await copySparse(device.path, path);
      return { ...device, path };
    }),
  );
  return { ...of, id, directory, net, blockDevices };
}

/** Saves `vm` with its disks into a new folder. */
export async function saveTo(subject: ContractSubject, bench: Bench, vm: RunningVm, spec: BootSpec): Promise<SavedVm> {
  const { directory } = await subject.spec();
  const files = savePaths(directory);
  const record = await vm.save(files, bench.limit());
  return { save: { record, files }, spec: await cloneSpec(subject, spec) };
}

export async function copyOf(subject: ContractSubject, { save, spec }: SavedVm): Promise<SavedVm> {
  const files = savePaths((await subject.spec()).directory);
  await Promise.all([copySparse(save.files.memory, files.memory), copySparse(save.files.state, files.state)]);
  return { spec, save: { ...save, files } };
}

export async function factsOf(path: string) {
  const { mode, size, blocks } = await stat(path);
  return { mode: mode & 0o777, size, used: blocks * 512 };
}

export async function flipBit(path: string): Promise<void> {
  const at = Math.floor((await readBytes(path, maxStateBytes)).length / 2);
  await withRandomAccess(path, async (file) => {
    const [byte = 0] = await file.readAt(at, 1);
    await file.writeAt(at, Uint8Array.of(byte ^ 1));
  });
}
