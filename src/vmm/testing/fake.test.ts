import { afterAll, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { isError } from "../../base/errors/error.ts";
import type { VmId } from "../../base/names.ts";
import { readText, sizeOf } from "../../host/files/files.ts";
import { savePaths } from "../../model/paths.ts";
import { connectAgent } from "../../wire/agent/client.ts";
import { driverContract } from "../driver.contract.ts";
import type { BootSpec, RunningVm } from "../driver.ts";
import { endContract } from "../end.contract.ts";
import { saveContract } from "../save.contract.ts";
import { stopContract } from "../stop.contract.ts";
import { createFakeDriver, FakeWorld } from "./fake.ts";
import type { ContractSubject } from "./subject.ts";
import { makeTempFolder } from "./temp.ts";

const folders = makeTempFolder("fake");
afterAll(() => folders.remove());

let count = 0;
async function spec(vmlinux = "/vmlinux"): Promise<BootSpec> {
  const id = `fake${String(count++).padStart(4, "0")}` as VmId;
  const directory = await folders.make(id);
  const disk = `${directory}/disk.ext4`;
  await writeFile(disk, "an empty disk");
  const blockDevices = [{ name: "data", path: disk, readOnly: false }];
  const net = { kind: "stream", socket: `${directory}/net`, mac: "02:00:00:00:00:01" } as const;
  return { id, directory, vcpu: 1, memoryMib: 32, vmlinux, initramfs: "/i", kernelArgs: [], blockDevices, net };
}

const world = new FakeWorld();
world.behaviour = (asked) => (asked.vmlinux === "/dev/null" ? { bootFails: "could not load kernel" } : {});

const subject: ContractSubject = {
  driver: () => createFakeDriver(world),
  spec,
  brokenSpec: () => spec("/dev/null"),
  isAlive: (process) => world.find(process)?.alive ?? false,
  killProcess: (process) =>
    void world.find(process)?.end({ kind: "vmm-died", reason: "the fake VMM was killed by SIGKILL" }),
  crashProcess: (process) =>
    void world.find(process)?.end({ kind: "vmm-died", reason: "the fake VMM crashed (SIGSEGV)" }),
  panic: async (vm) =>
    world.find(vm.record.process)?.end({ kind: "panic", reason: "Attempted to kill init!" }, ["Kernel panic"]),
  print: async (vm, _agent, text) => world.find(vm.record.process)?.print(text),
  remember: async (vm, _agent, text) => {
    noted(vm)["remembered"] = text;
  },
  recall: async (vm) => noted(vm)["remembered"] ?? "",
  fillMemory: async (vm) => {
    noted(vm)["filled"] = `${Math.random()}`;
    return noted(vm)["filled"] ?? "";
  },
  sumMemory: async (vm) => noted(vm)["filled"] ?? "",
  exchange: null,
  kernelArgs: async (vm) => world.find(vm.record.process)?.guest.kernelArgs ?? "",
  cpuFlags: null,
  diskBytes: async (vm, _agent, device) => {
    const disks = world.find(vm.record.process)?.spec.blockDevices ?? [];
    return sizeOf(disks[device.charCodeAt(2) - "a".charCodeAt(0)]?.path ?? "");
  },
  spoil: async (vm) => {
    noted(vm)["remembered"] = "spoilt";
  },
  end: async (vm, _agent, mode) => void world.find(vm.record.process)?.end({ kind: mode }),
  resetDevices: async () => {},
  unbindDevices: async () => {},
  timeoutMs: 2000,
};

function noted(vm: RunningVm): Record<string, string> {
  return world.find(vm.record.process)?.guest.notes ?? {};
}

driverContract("fake", subject);
saveContract("fake", subject);
endContract("fake", subject);
stopContract("fake", {
  ...subject,
  fillDisk: async (vm) =>
    world.find(vm.record.process)?.failWrites({ kind: "disk-full", reason: "No space left on device" }),
  makeRoom: async (vm) => world.find(vm.record.process)?.failWrites(null),
});

describe("the fake's knobs", () => {
  const never = new AbortController().signal;

  test("a VM ends at its configured time, with its last console lines", async () => {
    const own = new FakeWorld();
    const exit = { kind: "panic", reason: "out of memory" } as const;
    own.behaviour = () => ({ ends: { afterMs: 500, exit, console: ["Out of memory: Killed process 1 (init)"] } });
    const vm = await createFakeDriver(own).boot(await spec(), never);
    await own.advance(499);
    expect(own.alive).toHaveLength(1);
    await own.advance(1);
    expect(await vm.wait()).toEqual(exit);
    expect(await readText(`${vm.record.directory}/serial.log`)).toContain("Out of memory");
  });

  test("a boot that hangs ends when it is aborted, and leaves no VM", async () => {
    const own = new FakeWorld();
    own.behaviour = () => ({ bootHangs: true });
    const abort = new AbortController();
    const boot = createFakeDriver(own).boot(await spec(), abort.signal);
    abort.abort(new Error("enough"));
    await expect(boot).rejects.toThrow("enough");
    expect(own.machines).toHaveLength(0);
  });

  test("saves and restores fail or hang as configured", async () => {
    const own = new FakeWorld();
    own.behaviour = () => ({ saveFails: "the disk is on fire" });
    const first = await spec();
    const vm = await createFakeDriver(own).boot(first, never);
    const files = savePaths(first.directory);
    await expect(vm.save(files, never)).rejects.toMatchObject({ code: "SAVE_FAILED" });
    own.behaviour = () => ({ saveHangs: true, restoreFails: "no load" });
    const other = await createFakeDriver(own).boot(await spec(), never);
    await expect(other.save(files, AbortSignal.timeout(1))).rejects.toThrow("timed out");
    own.behaviour = () => ({});
    const third = await createFakeDriver(own).boot(first, never);
    const record = await third.save(files, never);
    own.behaviour = () => ({ restoreFails: "no memory" });
    const restore = (signal = never) => createFakeDriver(own).restore({ record, files }, first, signal);
    await expect(restore()).rejects.toMatchObject({ code: "VMM_START_FAILED", details: { reason: "no memory" } });
    own.behaviour = () => ({ restoreHangs: true });
    await expect(restore(AbortSignal.timeout(1))).rejects.toThrow("timed out");
    expect(own.alive).toHaveLength(3);
  });

  test("a guest's phase and generation are saved and restored with its memory", async () => {
    const own = new FakeWorld();
    const first = await spec();
    const vm = await createFakeDriver(own).boot(first, never);
    const agent = await connectAgent((await vm.agent()).stream, { resync: false, timeoutMs: 1000 });
    await agent.open("identity", { generation: 3 });
    const files = savePaths(first.directory);
    const record = await vm.save(files, never);
    const clone = await createFakeDriver(own).restore({ record, files }, await spec(), never);
    await clone.resume();
    const connection = await clone.agent();
    expect(connection.resync).toBe(true);
    const later = await connectAgent(connection.stream, { resync: true, timeoutMs: 1000 });
    expect(later.hello).toMatchObject({ phase: "up", generation: 3 });
  });

  test("a silent agent never answers", async () => {
    const own = new FakeWorld();
    own.behaviour = () => ({ agentSilent: true });
    const vm = await createFakeDriver(own).boot(await spec(), never);
    const { stream } = await vm.agent();
    const refused = await connectAgent(stream, { resync: false, timeoutMs: 20 }).catch((error: unknown) => error);
    expect(isError(refused, "AGENT_UNREACHABLE")).toBe(true);
  });

  test("what the host gave the guest can be inspected", async () => {
    const own = new FakeWorld();
    const seen: unknown[] = [];
    own.behaviour = () => ({ agent: { onIdentity: (identity) => seen.push(identity["hostname"]) } });
    const vm = await createFakeDriver(own).boot(await spec(), never);
    const agent = await connectAgent((await vm.agent()).stream, { resync: false, timeoutMs: 1000 });
    await agent.open("identity", { generation: 1, hostname: "devbox" });
    expect(seen).toEqual(["devbox"]);
  });
});
