/** Importing an untrusted disk over a host in memory: which kernel reads it, and that nothing of it is left behind. */
import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import type { ImageName } from "../../base/names.ts";
import { depsOf, type Host, newHost, paths, recorder, startDaemon } from "../testing/daemon.ts";
import { assertTruth } from "../testing/truth.ts";

const { emit, signal } = recorder();
const empty = () => (async function* () {})();
const disk = (changes: { kernel?: string } = {}) => ({ name: "disk", source: "file x", tar: empty(), ...changes });
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "none",
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );
const reader = (host: Host) => [...host.world.vmms.values()].at(-1);

test("all of it is read by a VM without network or layers, and its copy is removed", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  const made = await machines.importDisk(disk(), emit, signal);
  expect(made).toMatchObject({ name: "disk", source: "file x", kernel: null });
  expect(reader(host)?.spec).toMatchObject({ net: null, kernelArgs: ["banger.mode=reader", "banger.layers=0"] });
  expect(reader(host)?.spec.blockDevices).toEqual([{ name: "data", path: `${paths.partial}/disk-1`, readOnly: false }]);
  expect(reader(host)?.guest.gets).toEqual([{ path: "/data", whole: true }]);
  await machines.idle();
  assertTruth(host, "after a disk");
});

test("the default kernel reads it even if the image wants another one; without a default, the other one does", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  await machines.importKernel({ name: "own", source: "x", tar: empty() }, emit, signal);
  const made = await machines.importDisk(disk({ kernel: "own" }), emit, signal);
  expect(made.kernel).toBe("own" as ImageName);
  await machines.deleteKernel("debian-bookworm-cloud");
  expect((await machines.importDisk(disk({ kernel: "own" }), emit, signal)).kernel).toBe("own" as ImageName);
  await machines.idle();
  assertTruth(host, "after disks with a kernel");
});

test("without any kernel it is refused before the disk is read, and the error names one that can be pulled", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  await machines.deleteKernel("debian-bookworm-cloud");
  let isRead = false;
  const tar = (async function* () {
    isRead = true;
    yield new Uint8Array();
  })();
  const refused = await machines.importDisk({ ...disk(), tar }, emit, signal).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "KERNEL_NOT_FOUND", details: { name: "debian-bookworm-cloud" } });
  expect(await codeOf(machines.importDisk(disk({ kernel: "none" }), emit, signal))).toBe("KERNEL_NOT_FOUND");
  expect(await codeOf(machines.importDisk({ ...disk(), name: "No Name" }, emit, signal))).toBe("IMAGE_NAME_INVALID");
  expect(isRead).toBe(false);
});

test("failures leave nothing behind: receiving, booting, reading, storing, cancelling", async () => {
  const failures: [string, (host: Host) => unknown, string][] = [
    ["receiving", ({ world }) => world.failing.set("receiveDisk", new Error("refused")), "refused"],
    ["booting", ({ world }) => world.failing.set("boot", new Error("no boot")), "no boot"],
    ["reading", ({ world }) => Object.assign(world.guest, { diesEarly: { kind: "poweroff" } }), "DISK_UNREADABLE"],
    ["answering", ({ world }) => Object.assign(world.guest, { answers: false }), "AGENT_UNREACHABLE"],
  ];
  for (const [what, arrange, code] of failures) {
    const host = newHost();
    const machines = await startDaemon(host);
    arrange(host);
    expect([what, await codeOf(machines.importDisk(disk(), emit, signal))]).toEqual([what, code]);
    await machines.idle();
    assertTruth(host, `after a failure while ${what}`);
    expect(await machines.images()).toHaveLength(1);
  }
  const host = newHost();
  const refusing = {
    ...depsOf(host).artifacts,
    importTree: () => Promise.reject(fail("IMAGE_INVALID", { name: "disk", problem: "it contains no files" })),
  };
  const machines = await startDaemon(host, undefined, { artifacts: refusing });
  expect(await codeOf(machines.importDisk(disk(), emit, signal))).toBe("IMAGE_INVALID");
  const caller = new AbortController();
  caller.abort(new Error("gone"));
  expect(await codeOf(machines.importDisk(disk(), emit, caller.signal))).toBe("gone");
  await machines.idle();
  assertTruth(host, "after what was refused");
});

test("the hint is about a file, not about a VM", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  host.world.guest.diesEarly = { kind: "poweroff" };
  const failed = await machines.importDisk(disk(), emit, signal).catch((error: unknown) => error);
  expect(failed).toMatchObject({ hint: "repair a copy of it with `e2fsck -f`, and register that" });
});
