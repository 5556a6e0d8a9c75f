import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { VmId } from "../base/names.ts";
import { cgroupsIn } from "../host/process/cgroup-folder.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { cgroupLimits } from "./cgroup-limits.ts";
import { vmCgroups } from "./vm-cgroups.ts";

const vm = { id: "abcd1234" as VmId, vcpu: 2, memoryMib: 512 };
const limits = cgroupLimits(vm);

/** In a folder as the kernel has it: a new group has the files of the controllers that are enabled. */
function made(path: string, name: string, files = Object.keys(limits)) {
  mkdirSync(`${path}/${name}`);
  for (const file of files) writeFileSync(`${path}/${name}/${file}`, "");
}

test("a VM's group has its limits, those whose controller is there", async () => {
  using folder = tempFolder("cgroups");
  made(folder.path, "vm-abcd1234", ["memory.max", "pids.max"]);
  const path = await vmCgroups(cgroupsIn(folder.path)).ensure(vm);
  expect(path).toBe(`${folder.path}/vm-abcd1234`);
  expect(readdirSync(path).toSorted()).toEqual(["memory.max", "pids.max"]);
  expect(readFileSync(`${path}/memory.max`, "utf8")).toBe(limits["memory.max"] ?? "");
});

test("a group is made when it is not there, and removed by the VM's folder, once", async () => {
  using folder = tempFolder("cgroups");
  const groups = vmCgroups(cgroupsIn(folder.path));
  await groups.ensure(vm);
  expect(readdirSync(folder.path)).toEqual(["vm-abcd1234"]);
  await groups.remove("/s/vms/abcd1234");
  await groups.remove("/s/vms/abcd1234");
  expect(readdirSync(folder.path)).toEqual([]);
});

test("the next daemon sets the limits of what runs, and removes the rest, but nothing that is not a VM's", async () => {
  using folder = tempFolder("cgroups");
  for (const name of ["daemon", "vm-gone5678"]) made(folder.path, name, []);
  made(folder.path, "vm-abcd1234");
  const other = { ...vm, id: "other123" as VmId };
  await vmCgroups(cgroupsIn(folder.path)).renew([vm, other]);
  expect(readdirSync(folder.path).toSorted()).toEqual(["daemon", "vm-abcd1234"]);
  expect(readFileSync(`${folder.path}/vm-abcd1234/cpu.max`, "utf8")).toBe("300000 100000");
});
