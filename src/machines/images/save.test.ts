/** `vm save` over a host in memory: what the reading VM gets, what is refused, and that nothing is left behind. */
import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import type { ImageName } from "../../base/names.ts";
import { imageRecord } from "../../store/testing/records.ts";
import type { MachinesDeps } from "../deps.ts";
import type { Machines } from "../machines.ts";
import { depsOf, type Host, newHost, recorder, startDaemon } from "../testing/daemon.ts";
import { assertTruth } from "../testing/truth.ts";
import type { WorldVm } from "../testing/world.ts";

const { emit, signal } = recorder();

type Failed = { code?: string; message: string; hint?: string };
const failureOf = (work: Promise<unknown>): Promise<Failed> =>
  work.then(
    () => ({ message: "no error" }),
    (error: Failed) => error,
  );

/** A host with the VM `web`, which ran and was stopped. */
async function stopped(host: Host, deps: Partial<MachinesDeps> = {}): Promise<Machines> {
  const machines = await startDaemon(host, undefined, deps);
  await machines.create({ name: "web", ephemeral: false }, { wait: "agent" }, emit, signal);
  await machines.stop("web", {}, emit);
  return machines;
}

/** VMMs without a row. */
function readers(host: Host, machines: Machines): WorldVm[] {
  const known = new Set<string>(machines.all().map((vm) => vm.id));
  return [...host.world.vmms.values()].filter((vm) => !known.has(vm.spec.id));
}

/** The test's artifacts, with another `saveImage`. */
function savingBy(host: Host, saveImage: MachinesDeps["artifacts"]["saveImage"]): Partial<MachinesDeps> {
  return { artifacts: { ...depsOf(host).artifacts, saveImage } };
}

async function rest(host: Host, machines: Machines, context: string): Promise<void> {
  await machines.idle();
  assertTruth(host, context);
}

test("the disk is read by a VM without network, and both its halves are requested", async () => {
  const host = newHost();
  const machines = await stopped(host);
  const saved = await machines.save("web", { image: "mine" }, emit, signal);
  expect(saved).toMatchObject({ name: "mine", source: "vm web" });
  const [reader, ...others] = readers(host, machines);
  expect(others).toEqual([]);
  const vm = machines.find("web");
  expect(reader?.spec).toMatchObject({ net: null, kernelArgs: ["banger.mode=reader", "banger.layers=1"] });
  expect(reader?.spec.blockDevices.map(({ name, path, readOnly }) => [name, path, readOnly])).toEqual([
    ["layer0", `/c/layers/${"2".repeat(64)}.sqfs`, true],
    ["data", `/s/vms/${vm.id}/disk.ext4`, false],
  ]);
  expect(reader?.guest.gets).toEqual([
    { path: "/merged/usr/local/share/ca-certificates" },
    { path: "/data/upper", merged: "/merged" },
    { path: "/data/direct", whole: true },
  ]);
  expect(reader?.guest.exit).toEqual({ kind: "killed" });
  expect(vm.state).toBe("stopped");
  await rest(host, machines, "after a save");
});

test("every CA certificate that the VM or its parent ever got is removed, whatever the host has now", async () => {
  const host = newHost();
  host.world.canSave = true;
  let now = ["a"];
  const told: (readonly string[])[] = [];
  const { artifacts, inheritance } = depsOf(host);
  const machines = await stopped(host, {
    inheritance: async () => ({ ...(await inheritance()), caCertificates: now }),
    artifacts: {
      ...artifacts,
      async saveImage(saved, ...rest) {
        told.push(saved.certificates);
        return artifacts.saveImage(saved, ...rest);
      },
    },
  });
  now = ["b"];
  await machines.start("web", { wait: "agent" }, emit, signal);
  now = [];
  await machines.fork("web", { names: ["child"] }, emit, signal);
  for (const name of ["web", "child"]) await machines.stop(name, {}, emit);
  for (const name of ["web", "child"]) await machines.save(name, { image: "mine" }, emit, signal);
  expect(told).toEqual([
    ["a", "b"],
    ["a", "b"],
  ]);
  await rest(host, machines, "after saves");
});

test("the image keeps its base's kernel, and takes over a name that was in use", async () => {
  const host = newHost();
  const machines = await stopped(host);
  const kernel = "own-kernel" as ImageName;
  await machines.importKernel({ name: kernel, source: "x", tar: (async function* () {})() }, emit, signal);
  const upload = { name: "base", source: "x", kernel, tar: (async function* () {})() };
  await machines.importImage(upload, emit, signal);
  await machines.create({ name: "two", image: "base", ephemeral: false }, { wait: "agent" }, emit, signal);
  await machines.stop("two", {}, emit);
  await machines.save("two", { image: "mine" }, emit, signal);
  expect(machines.findImage("mine").kernel).toBe(kernel);
  await machines.save("web", { image: "mine" }, emit, signal);
  expect(machines.findImage("mine")).toMatchObject({ kernel: null, source: expect.any(String) });
  await rest(host, machines, "after two saves");
});

test("a VM that failed can be saved, with its disk as it was left", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  await machines.create({ name: "web", ephemeral: false }, { wait: "agent" }, emit, signal);
  host.world.living()[0]?.guest.end({ kind: "panic", reason: "a test" });
  await Bun.sleep(0);
  await machines.idle();
  expect(machines.find("web").state).toBe("failed");
  await machines.save("web", { image: "mine" }, emit, signal);
  expect(machines.find("web").state).toBe("failed");
  await rest(host, machines, "after saving what failed");
});

test("saving a VM that never ran gives its image another name; nothing is read", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  const { vm } = await machines.create({ name: "web", ephemeral: false }, null, emit, signal);
  const saved = await machines.save("web", { image: "mine" }, emit, signal);
  expect(saved).toMatchObject({ name: "mine", digest: vm.spec.image.digest });
  expect(readers(host, machines)).toEqual([]);
  expect(machines.findImage("debian-bookworm").digest).toBe(saved.digest);
  await rest(host, machines, "after saving what never ran");
});

test("refused with a hint: a running VM, an unknown VM, an invalid name", async () => {
  const host = newHost();
  const machines = await stopped(host);
  await machines.start("web", { wait: "agent" }, emit, signal);
  const running = await failureOf(machines.save("web", { image: "mine" }, emit, signal));
  expect([running.code, running.hint]).toEqual(["VM_STATE", "stop it with `banger vm stop web`"]);
  expect(host.world.living()).toHaveLength(1);
  await machines.stop("web", {}, emit);
  expect((await failureOf(machines.save("wep", { image: "mine" }, emit, signal))).code).toBe("VM_NOT_FOUND");
  expect((await failureOf(machines.save("web", { image: "Not A Name" }, emit, signal))).code).toBe(
    "IMAGE_NAME_INVALID",
  );
  expect((await machines.images()).map((image) => image.name)).toEqual(["debian-bookworm" as ImageName]);
  await rest(host, machines, "after refusals");
});

test("a disk that can't be read is reported with the reader's message", async () => {
  const host = newHost();
  const machines = await stopped(host);
  host.world.guest.diesEarly = { kind: "poweroff" };
  host.world.serialLog =
    "[ 1.0] EXT4-fs error\nbanger-agent: /data: Structure needs cleaning\n[ 1.2] reboot: Power down\n";
  const failed = await failureOf(machines.save("web", { image: "mine" }, emit, signal));
  expect([failed.code, failed.message]).toEqual([
    "DISK_UNREADABLE",
    "the disk of web can't be read: /data: Structure needs cleaning (EXT4-fs error)",
  ]);
  await rest(host, machines, "after an unreadable disk");
});

test("if the reader ends early or can't read on, the disk is reported as unreadable", async () => {
  for (const [thrown, reason] of [
    [fail("SESSION_LOST", { name: "web", reason: "its line dropped" }), "last words"],
    [
      fail("AGENT_REFUSED", { verb: "get", reason: "/data/upper/x: Input/output error", code: "io" }),
      "/data/upper/x: Input/output error",
    ],
  ] as const) {
    const host = newHost();
    const machines = await stopped(
      host,
      savingBy(host, async () => {
        const reader = host.world.living()[0];
        // the connection drops first
        if (thrown.code === "SESSION_LOST")
          setTimeout(() => reader?.guest.end({ kind: "panic", reason: "bad disk" }), 1);
        throw thrown;
      }),
    );
    const failed = await failureOf(machines.save("web", { image: "mine" }, emit, signal));
    expect([failed.code, failed.message]).toEqual(["DISK_UNREADABLE", `the disk of web can't be read: ${reason}`]);
    await rest(host, machines, "after a reader that ended");
  }
});

test("a reader that never answers is stopped", async () => {
  const host = newHost();
  const machines = await stopped(host);
  host.world.guest.answers = false;
  expect((await failureOf(machines.save("web", { image: "mine" }, emit, signal))).code).toBe("AGENT_UNREACHABLE");
  await rest(host, machines, "after a silent reader");
});

test("a reader that stops sending is stopped, and its disk reported as unreadable", async () => {
  const host = newHost();
  const machines = await stopped(host);
  host.world.guest.reads = false;
  const failed = await failureOf(machines.save("web", { image: "mine" }, emit, signal));
  expect([failed.code, failed.message]).toEqual([
    "DISK_UNREADABLE",
    "the disk of web can't be read: the VM that reads it has stopped sending",
  ]);
  await rest(host, machines, "after a reader that hangs");
});

test("if storing fails, the caller leaves or the VM is deleted meanwhile, the reader ends and nothing is stored", async () => {
  const full = newHost();
  const failing = await stopped(
    full,
    savingBy(full, async () => {
      throw new Error("no space");
    }),
  );
  expect((await failureOf(failing.save("web", { image: "mine" }, emit, signal))).message).toBe("no space");
  await rest(full, failing, "after a full disk");

  for (const how of ["cancel", "delete"] as const) {
    const host = newHost();
    let reading = () => {};
    const begun = new Promise<void>((resolve) => {
      reading = resolve;
    });
    const machines = await stopped(
      host,
      savingBy(host, (_saved, _emit, aborted) => {
        reading();
        return new Promise((_resolve, reject) => aborted.addEventListener("abort", () => reject(aborted.reason)));
      }),
    );
    const caller = new AbortController();
    const saving = failureOf(machines.save("web", { image: "mine" }, emit, caller.signal));
    await begun;
    if (how === "cancel") caller.abort(new Error("gone"));
    else await machines.delete("web");
    expect((await saving).message).toBe(how === "cancel" ? "gone" : "interrupted by delete");
    expect(await machines.images()).toHaveLength(1);
    await rest(host, machines, `after a ${how} in the middle`);
  }
});

test("the new image's run configuration: its base's, changed by the options", async () => {
  const host = newHost();
  const given: unknown[] = [];
  const machines = await stopped(
    host,
    savingBy(host, async ({ name, config }) => {
      given.push(config);
      return imageRecord({ name });
    }),
  );
  await machines.save("web", { image: "mine" }, emit, signal);
  await machines.save("web", { image: "mine", config: { cmd: ["/run"], env: { A: "1" } } }, emit, signal);
  const plain = imageRecord().config;
  expect(given).toEqual([plain, { ...plain, cmd: ["/run"], env: { A: "1" } }]);
  const large = { cmd: [..."0123456789"].map((digit) => digit.repeat(8000)) };
  expect((await failureOf(machines.save("web", { image: "mine", config: large }, emit, signal))).code).toBe(
    "REQUEST_INVALID",
  );
  const sized = (bytes: number) => {
    const words = Array(9).fill("x".repeat(7000));
    const left = bytes - JSON.stringify({ ...plain, cmd: [...words, ""] }).length;
    return machines.save("web", { image: "mine", config: { cmd: [...words, "y".repeat(left)] } }, emit, signal);
  };
  expect(await failureOf(sized(65_536))).toEqual({ message: "no error" });
  expect(await failureOf(sized(65_537))).toMatchObject({ code: "REQUEST_INVALID" });
  const { vm } = await machines.create({ name: "new", ephemeral: false }, null, emit, signal);
  const saved = await machines.save("new", { image: "other", config: { user: "u" } }, emit, signal);
  expect(saved).toMatchObject({ layers: imageRecord().layers, config: { ...plain, user: "u" } });
  expect(saved.digest).not.toBe(vm.spec.image.digest);
  await rest(host, machines, "after saves with a config");
});

test("while a VM is being saved, other operations on it are refused", async () => {
  const host = newHost();
  let finish = () => {};
  const machines = await stopped(
    host,
    savingBy(host, ({ name }) => new Promise((resolve) => (finish = () => resolve(imageRecord({ name }))))),
  );
  const saving = machines.save("web", { image: "mine" }, emit, signal);
  while (host.world.living().length === 0) await Bun.sleep(0);
  const start = await failureOf(machines.start("web", { wait: "agent" }, emit, signal));
  expect([start.code, start.message]).toEqual(["VM_STATE", expect.stringContaining("being saved")]);
  finish();
  await saving;
  await rest(host, machines, "after a refused start");
});
