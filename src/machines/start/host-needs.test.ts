import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import { newHost, recorder, startDaemon } from "../testing/daemon.ts";
import type { World } from "../testing/world.ts";
import { firstMissing, type HostNeeds } from "./host-needs.ts";

const mib = 1024 * 1024;
const good: HostNeeds = {
  network: null,
  mkfs: "/sbin/mkfs.ext4",
  memory: { available: 1024 * mib, needed: 128 * mib },
  space: [{ path: "/s/vms", free: 1024 * mib, needed: 32 * mib, during: "making the VM" }],
};
const passt = fail("NETWORK_FAILED", { program: "passt", reason: "it is not installed" });
const full = [{ path: "/c", free: mib, needed: 512 * mib, during: "making its image" }];

test.each([
  ["nothing", {}, undefined],
  ["no mkfs", { mkfs: null }, "TOOL_MISSING"],
  ["no passt", { network: passt }, "NETWORK_FAILED"],
  ["little memory", { memory: { available: 127 * mib, needed: 128 * mib } }, "MEMORY_LOW"],
  ["just enough memory", { memory: { available: 128 * mib, needed: 128 * mib } }, undefined],
  ["memory that is not known", { memory: { available: 0, needed: 128 * mib } }, undefined],
  ["no room for the image", { space: [...good.space, ...full] }, "DISK_FULL"],
  ["all of it: the first", { network: passt, space: full }, "NETWORK_FAILED"],
] as [string, Partial<HostNeeds>, string | undefined][])("missing: %s", (_, change, code) => {
  expect(firstMissing({ ...good, ...change })?.code as string | undefined).toBe(code);
});

async function firstRun(change: (world: World) => void, request = {}) {
  const host = newHost();
  change(host.world);
  const machines = await startDaemon(host);
  await machines.deleteImage("debian-bookworm");
  const { events, emit, signal } = recorder();
  const wanted = { name: "web", ephemeral: false, ...request };
  const error = await machines.create(wanted, { wait: "agent" }, emit, signal).catch((thrown: unknown) => thrown);
  return { error: error as { code: string; message: string; hint: string }, events };
}

test("what is missing is reported instead of a missing image, which takes minutes to make", async () => {
  const changes: [(world: World) => void, string][] = [
    [
      (world) => (world.vmmProblem = { why: "qemu-system-x86_64 is not installed", fix: "install it" }),
      "VMM_NOT_FOUND",
    ],
    [(world) => world.failing.set("network kind", passt), "NETWORK_FAILED"],
    [(world) => (world.hasMkfs = false), "TOOL_MISSING"],
    [(world) => (world.availableMemory = mib), "MEMORY_LOW"],
    [(world) => (world.freeBytes = 100 * mib), "DISK_FULL"],
    [() => {}, "IMAGE_NOT_FOUND"],
  ];
  for (const [change, code] of changes) expect((await firstRun(change)).error.code).toBe(code);
});

test("a VM without a network needs no passt", async () => {
  const without = { network: { kind: "none" as const } };
  const { error } = await firstRun((world) => world.failing.set("network kind", passt), without);
  expect(error.code).toBe("IMAGE_NOT_FOUND");
});

test("a user without access to KVM is refused before the image is built", async () => {
  const { events } = await firstRun((world) => (world.kvmDenied = true));
  expect(events[0]).toMatchObject({
    kind: "note",
    level: "warn",
    text: expect.stringContaining("several times slower"),
  });
});

test("a VM whose image exists checks nothing of the host beforehand", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  host.world.availableMemory = 1;
  host.world.hasMkfs = false;
  const { emit, signal } = recorder();
  const request = { name: "web", ephemeral: false } as const;
  expect((await machines.create(request, { wait: "agent" }, emit, signal)).vm.state).toBe("running");
});
