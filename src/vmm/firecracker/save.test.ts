/** Saves of clones: what Firecracker is asked to write, and onto what. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { listFolder, removeTree } from "../../host/files/files.ts";
import { savePaths } from "../../model/paths.ts";
import type { BootSpec, RunningVm } from "../driver.ts";
import { isUntouched } from "../save-files.ts";
import type { SavedVm } from "../testing/saves.ts";
import { workBench } from "../testing/subject.ts";
import { makeFakeHost } from "./testing/fake-host.ts";

const host = makeFakeHost("fc-save");
afterAll(() => host.remove());
const subject = host.subject();
const bench = workBench(subject);
const { kept, limit, agentOf } = bench;
const journal = `${host.path}/saves`;
beforeEach(() => {
  writeFileSync(journal, "");
  host.set({ saves: journal });
});

const remember = async (vm: RunningVm, text: string) => {
  const agent = await agentOf(vm);
  await subject.remember(vm, agent, text);
  agent.destroy();
};
/** Types of the saves since the test began that wrote few pages, or all. */
const made = () => {
  const lines = readFileSync(journal, "utf8").trim().split("\n");
  return lines.map((line) => `${line.split(" ")[0]} of ${Number(line.split(" ")[1]) < 8 ? "few" : "all"}`);
};

async function savedTo(vm: RunningVm, spec: BootSpec): Promise<SavedVm> {
  const files = savePaths((await host.spec()).directory);
  return { save: { record: await vm.save(files, limit()), files }, spec };
}

async function template(): Promise<SavedVm> {
  const spec = await host.spec();
  const vm = await bench.boot(undefined, spec);
  await remember(vm, "of the template");
  return savedTo(vm, spec);
}

async function clone({ save, spec }: SavedVm): Promise<{ vm: RunningVm; spec: BootSpec }> {
  const { id, directory } = await host.spec();
  const own = { ...spec, id, directory };
  const vm = await bench.restore(save, own, host.driver({ hasSwap: async () => true }));
  await vm.resume();
  return { vm, spec: own };
}

async function recalled(of: SavedVm): Promise<string> {
  const { vm } = await clone(of);
  return subject.recall(vm, await agentOf(vm));
}

async function adopted(vm: RunningVm): Promise<RunningVm> {
  vm.release();
  bench.forget(vm);
  return bench.adopted(vm);
}

test("saves of a clone, and of its clones, write its dirty pages, also with swap", async () => {
  const { vm, spec } = await clone(await template());
  await remember(vm, "of the child");
  const one = await savedTo(vm, spec);
  const child = await clone(one);
  const two = await savedTo(child.vm, child.spec);
  expect(made()).toEqual(["Diff of few", "Diff of few", "Diff of few"]);
  expect(await recalled(two)).toBe("of the child");
});

test("the memory that a clone was loaded from may be gone, and is not changed when it is there", async () => {
  const origin = await template();
  const { vm, spec } = await clone(origin);
  await savedTo(vm, spec);
  expect(await isUntouched(origin.save)).toBe(true);
  const other = await clone(origin);
  await removeTree(origin.save.files.memory);
  expect(await recalled(await savedTo(other.vm, other.spec))).toBe("of the template");
  expect(made()).toEqual(["Diff of few", "Diff of few", "Diff of few"]);
});

test("the next save adds to the last one, which may be gone", async () => {
  const { vm, spec } = await clone(await template());
  await remember(vm, "of the child");
  const one = await savedTo(vm, spec);
  await removeTree(one.save.files.memory);
  const two = await savedTo(vm, spec);
  expect(await recalled(two)).toBe("of the child");
  const three = await savedTo(vm, spec);
  expect(await isUntouched(two.save)).toBe(true);
  expect(await recalled(three)).toBe("of the child");
  expect(made()).toEqual(["Diff of few", "Diff of few", "Diff of few", "Diff of few"]);
});

test("after a save that failed, once its pages were counted, the next is whole, and the one after it is not", async () => {
  const { vm, spec } = await clone(await template());
  await remember(vm, "of the child");
  await expect(vm.save(savePaths(`${spec.directory}/no/such/folder`), limit())).rejects.toThrow("ENOENT");
  const one = await savedTo(vm, spec);
  const two = await savedTo(vm, spec);
  expect(made()).toEqual(["Diff of few", "Diff of few", "Full of all", "Diff of few"]);
  expect([await recalled(one), await recalled(two)]).toEqual(["of the child", "of the child"]);
});

test("a save that was aborted before Firecracker was asked costs nothing", async () => {
  const { vm, spec } = await clone(await template());
  const files = savePaths((await host.spec()).directory);
  await expect(vm.save(files, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  await savedTo(vm, spec);
  expect(made()).toEqual(["Diff of few", "Diff of few"]);
});

test("an adopted clone is saved by its dirty pages, unless it was saved before, with success or without", async () => {
  const origin = await template();
  const fresh = await clone(origin);
  await remember(fresh.vm, "of the child");
  const again = await adopted(fresh.vm);
  const one = await savedTo(again, fresh.spec);
  const two = await savedTo(await adopted(again), fresh.spec);
  const failed = await clone(origin);
  await remember(failed.vm, "of the other");
  await expect(failed.vm.save(savePaths(`${host.path}/no/such/folder`), limit())).rejects.toThrow("ENOENT");
  const three = await savedTo(await adopted(failed.vm), failed.spec);
  expect(made()).toEqual(["Diff of few", "Diff of few", "Full of all", "Diff of few", "Full of all"]);
  const texts = [await recalled(one), await recalled(two), await recalled(three)];
  expect(texts).toEqual(["of the child", "of the child", "of the other"]);
});

test("memory that was written to since is not added to", async () => {
  const origin = await template();
  const { vm, spec } = await clone(origin);
  utimesSync(origin.save.files.memory, 1, 1);
  const one = await savedTo(vm, spec);
  utimesSync(one.save.files.memory, 1, 1);
  await savedTo(vm, spec);
  expect(made()).toEqual(["Diff of few", "Full of all", "Full of all"]);
});

test("a clone that an earlier daemon loaded, without counting, is saved whole each time", async () => {
  const { vm, spec } = await clone(await template());
  const { loaded: _, ...saving } = vm.record["saving"] as Record<string, unknown>;
  vm.release();
  bench.forget(vm);
  const old = kept((await host.driver().adopt({ ...vm.record, saving })) as RunningVm);
  await savedTo(old, spec);
  await savedTo(old, spec);
  expect(made()).toEqual(["Diff of few", "Full of all", "Full of all"]);
});

test("nothing of it is left in the VM's folder", async () => {
  const { vm, spec } = await clone(await template());
  await savedTo(vm, spec);
  expect(await listFolder(spec.directory)).toContain("save.recounted");
  await vm.kill();
  expect((await listFolder(spec.directory)).filter((name) => name.startsWith("save"))).toEqual([]);
});
