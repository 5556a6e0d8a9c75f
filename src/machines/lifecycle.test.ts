import { expect, test } from "bun:test";
import { isError } from "../base/errors/error.ts";
import type { Machines } from "./machines.ts";
import { type Host, newHost, recorder, shortTimings, startDaemon } from "./testing/daemon.ts";
import { assertTruth } from "./testing/truth.ts";

const request = { name: "web", ephemeral: false };
const agent = { wait: "agent" } as const;
const services = { wait: "services" } as const;

async function running(host: Host, changes = {}): Promise<Machines> {
  const machines = await startDaemon(host);
  const { emit, signal } = recorder();
  await machines.create({ ...request, ...changes }, agent, emit, signal);
  return machines;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );
}

test("created and started: the guest has its identity before anything else runs", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  const { events, emit, signal } = recorder();
  const { vm, hold } = await machines.create({ ...request, env: { K: "V" } }, services, emit, signal);
  expect(vm).toEqual(expect.objectContaining({ name: "web", state: "running", generation: 1, failure: null }));
  expect(vm.startedHow).toMatch(
    /^cold \(world 1 can't save VMs\): decide \d+ ms, .*vmm \d+ ms, agent \d+ ms, identity \d+ ms$/,
  );
  expect(hold).toBeNull();
  expect(events[0]).toEqual(expect.objectContaining({ kind: "spec", provenance: {} }));
  expect(events[0]).toHaveProperty(
    "text",
    "2 vcpu, 1.0 GiB memory, 8 GiB disk, image debian-bookworm, kernel debian-bookworm-cloud, network user, vmm world (world 1 can't save VMs)",
  );
  const identity = host.world.vmOf(vm.id)?.guest.identities[0];
  expect(identity).toEqual(
    expect.objectContaining({
      generation: 1,
      hostname: "web",
      machineId: expect.stringMatching(/^[0-9a-f]{32}$/),
      network: expect.objectContaining({ address: "192.0.2.15" }),
      environment: { P: "1", K: "V" },
      authorizedKeys: ["key"],
    }),
  );
  expect(await machines.view(vm)).toEqual(
    expect.objectContaining({ address: "192.0.2.15", pid: expect.any(Number), diskUsed: 4096 }),
  );
  assertTruth(host, "after create");
});

test("a VM keeps machine-id and host keys across starts, and its generation rises", async () => {
  const host = newHost();
  const machines = await running(host);
  const { emit, signal } = recorder();
  const first = host.world.living()[0]?.guest.identities[0];
  await machines.stop("web", {}, emit);
  assertTruth(host, "after stop");
  await machines.start("web", agent, emit, signal);
  const second = host.world.living()[0]?.guest.identities[0];
  expect(second).toEqual(
    expect.objectContaining({ generation: 2, machineId: first?.["machineId"], sshHostKeys: first?.["sshHostKeys"] }),
  );
  expect(second?.["entropy"]).not.toBe(first?.["entropy"]);
});

test("stop asks first; power is cut after the grace period, and this is reported", async () => {
  const host = newHost();
  host.world.guest.obeys = false;
  const machines = await running(host);
  const { events, emit } = recorder();
  const { vm, cut } = await machines.stop("web", { graceMs: 5 }, emit);
  expect([vm.state, cut]).toEqual(["stopped", true]);
  expect(events.at(-1)).toEqual({
    kind: "note",
    level: "warn",
    text: '"web" did not power off within 0 s: power was cut',
  });
  assertTruth(host, "after a stop that cut");
});

test.each([
  [{ kind: "vmm-died", reason: "QEMU crashed (SIGSEGV)" }, "the VMM died: QEMU crashed (SIGSEGV)"],
  [{ kind: "panic", reason: "x" }, "the guest's kernel panicked: x"],
] as const)("a stop whose guest ends as %j says so, and keeps the reason", async (exit, reason) => {
  const host = newHost();
  host.world.guest.endsAs = exit;
  const machines = await running(host);
  const { events, emit } = recorder();
  const { vm, cut } = await machines.stop("web", {}, emit);
  expect([vm.state, cut, vm.failure?.reason]).toEqual(["failed", false, reason]);
  const text = `"web" did not power off cleanly: ${reason}`;
  expect(events.at(-1)).toEqual({ kind: "note", level: "warn", text });
  assertTruth(host, "after a stop that crashed");
});

test("when the agent is gone, stop presses the power button", async () => {
  const host = newHost();
  const machines = await running(host);
  const guest = host.world.living()[0]?.guest;
  if (guest) guest.behaviour.obeys = false;
  const { client } = await machines.session("web");
  client.open = () => Promise.reject(new Error("broken"));
  const { cut } = await machines.stop("web", { graceMs: 1000 }, () => {});
  expect(cut).toBe(false);
});

test("restart, kill and rename", async () => {
  const host = newHost();
  const machines = await running(host);
  const { emit, signal } = recorder();
  expect(await machines.restart("web", agent, emit, signal)).toEqual(
    expect.objectContaining({ state: "running", generation: 2 }),
  );
  const renamed = await machines.rename("web", "web-2");
  await machines.idle();
  expect(renamed.name).toBe("web-2" as never);
  expect(host.world.living()[0]?.guest.identities.at(-1)).toEqual({ generation: 2, hostname: "web-2" });
  expect(await codeOf(machines.kill("web"))).toBe("VM_NOT_FOUND");
  expect((await machines.kill("web-2")).state).toBe("stopped");
  assertTruth(host, "after kill");
  await machines.delete("web-2");
  await machines.idle();
  assertTruth(host, "after delete");
  expect(machines.all()).toEqual([]);
});

test("two concurrent creates of one name: one VM, and one VM_NAME_TAKEN", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  const { emit, signal } = recorder();
  const results = await Promise.all([1, 2].map(() => codeOf(machines.create(request, agent, emit, signal))));
  expect(results.toSorted()).toEqual(["VM_NAME_TAKEN", "no error"]);
  assertTruth(host, "two creates");
});

test("VMs that are created without a name get one each", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  const { emit, signal } = recorder();
  await Promise.all([1, 2, 3].map(() => machines.create({ ephemeral: false }, null, emit, signal)));
  expect(new Set(machines.all().map((vm) => vm.name)).size).toBe(3);
});

test.each(["createDisk", "ensureFolder"])("a full disk at %s is reported and leaves nothing", async (step) => {
  const host = newHost();
  const machines = await startDaemon(host);
  host.world.failing.set(step, Object.assign(new Error("no space"), { code: "ENOSPC" }));
  const { emit, signal } = recorder();
  expect(await codeOf(machines.create(request, agent, emit, signal))).toBe("DISK_FULL");
  expect(machines.all()).toEqual([]);
  assertTruth(host, step);
});

test.each(["initramfs", "network", "boot", "checkImage", "checkKernel"])(
  "a create whose %s fails leaves nothing",
  async (step) => {
    const host = newHost();
    const machines = await startDaemon(host);
    host.world.failing.set(step, new Error(`no ${step}`));
    const { emit, signal } = recorder();
    await expect(machines.create(request, agent, emit, signal)).rejects.toThrow(`no ${step}`);
    expect(machines.all()).toEqual([]);
    assertTruth(host, step);
  },
);

test.each(["initramfs", "network", "boot"])("a start whose %s fails leaves a stopped VM", async (step) => {
  const host = newHost();
  const machines = await startDaemon(host);
  const { emit, signal } = recorder();
  await machines.create(request, null, emit, signal);
  host.world.failing.set(step, new Error(`no ${step}`));
  await expect(machines.start("web", agent, emit, signal)).rejects.toThrow(`no ${step}`);
  expect(machines.find("web").state).toBe("stopped");
  assertTruth(host, step);
});

test("an agent that never answers: the VM is kept as failed, also an ephemeral one, with its console", async () => {
  const host = newHost();
  host.world.guest.answers = false;
  const machines = await startDaemon(host);
  const { emit, signal } = recorder();
  expect(await codeOf(machines.create({ ...request, ephemeral: true }, agent, emit, signal))).toBe("VM_BOOT_FAILED");
  await machines.idle();
  expect(machines.find("web")).toEqual(
    expect.objectContaining({
      state: "failed",
      ephemeral: false,
      failure: expect.objectContaining({ console: ["booting", "last words"] }),
    }),
  );
  assertTruth(host, "no agent");
});

test.each([
  [{ kind: "panic", reason: "out of memory" }, "the guest's kernel ran out of memory"],
  [{ kind: "panic", reason: "VFS: no root" }, "the guest's kernel panicked: VFS: no root"],
  [{ kind: "poweroff" }, "the guest powered off before its agent answered"],
  [{ kind: "vmm-died", reason: "signal SIGKILL" }, "the VMM died: signal SIGKILL"],
] as const)("a boot that ends as %j fails with its reason", async (exit, reason) => {
  const host = newHost();
  host.world.guest.diesEarly = exit;
  const machines = await startDaemon(host);
  const { emit, signal } = recorder();
  await expect(machines.create(request, agent, emit, signal)).rejects.toThrow(reason);
  expect(machines.find("web").failure?.reason).toBe(reason);
  assertTruth(host, "early end");
  host.world.guest.diesEarly = null;
  expect((await machines.start("web", agent, emit, signal)).state).toBe("running");
});

test.each([
  [{ kind: "poweroff" }, "stopped"],
  [{ kind: "halt" }, "stopped"],
  [{ kind: "panic", reason: "x" }, "failed"],
  [{ kind: "vmm-died", reason: "x" }, "failed"],
] as const)("a running VM that ends as %j is %s", async (exit, state) => {
  const host = newHost();
  const machines = await running(host);
  const waiting = machines.waitForEnd("web", recorder().signal);
  host.world.living()[0]?.guest.end(exit);
  expect((await waiting).state).toBe(state);
  await machines.idle();
  assertTruth(host, exit.kind);
});

test("a guest that reboots starts again from its disk, and waiting for its end continues", async () => {
  const host = newHost();
  const machines = await running(host);
  const waiting = machines.waitForEnd("web", recorder().signal);
  host.world.living()[0]?.guest.end({ kind: "reboot" });
  await Bun.sleep(0);
  await machines.idle();
  expect(machines.find("web")).toEqual(expect.objectContaining({ state: "running", generation: 2 }));
  assertTruth(host, "reboot");
  await machines.kill("web");
  expect((await waiting).state).toBe("stopped");
});

test("what the guest announced decides if the VMM saw only a poweroff", async () => {
  const host = newHost();
  const machines = await running(host);
  await machines.session("web");
  const guest = host.world.living()[0]?.guest;
  guest?.notice({ notice: "power", intent: "reboot" });
  guest?.end({ kind: "poweroff" });
  await Bun.sleep(0);
  await machines.idle();
  expect(machines.find("web")).toEqual(expect.objectContaining({ state: "running", generation: 2 }));
});

test("services that fail or never start are reported, and the VM exists", async () => {
  const host = newHost();
  host.world.guest.services = { ok: true, state: "degraded", failed: ["x.service"] };
  const machines = await startDaemon(host);
  const first = recorder();
  await machines.create(request, services, first.emit, first.signal);
  expect(first.events.at(-1)).toEqual({
    kind: "note",
    level: "warn",
    text: "services that failed in the guest: x.service",
  });
  host.world.guest.services = null;
  const second = recorder();
  await machines.create({ ...request, name: "slow" }, services, second.emit, second.signal);
  expect(second.events.at(-1)).toEqual({
    kind: "note",
    level: "warn",
    text: "the guest's services are not up after 0 s, going on without",
  });
});

test("a VM that ends while its services start is reported as such", async () => {
  const host = newHost();
  host.world.guest.services = null;
  const machines = await startDaemon(host, undefined, {
    timings: { ...shortTimings, servicesMs: 10_000 },
  });
  const { emit, signal } = recorder();
  const work = machines.create(
    request,
    services,
    (event) => {
      emit(event);
      if (event.kind === "progress" && event.step === "services")
        host.world.living()[0]?.guest.end({ kind: "panic", reason: "x" });
    },
    signal,
  );
  expect(await codeOf(work)).toBe("VM_FAILED");
});

test("deleting a VM that is starting interrupts the start", async () => {
  const host = newHost();
  host.world.guest.answers = false;
  const machines = await startDaemon(host, undefined, {
    timings: { ...shortTimings, agentMs: 10_000, reconnectMs: 10_000 },
  });
  const { signal } = recorder();
  const work = codeOf(machines.create(request, agent, () => {}, signal));
  while (machines.all()[0]?.state !== "starting" || host.world.living().length === 0) await Bun.sleep(0);
  await machines.delete("web");
  expect(await work).toBe("VM_CANCELLED");
  await machines.idle();
  expect(machines.all()).toEqual([]);
  assertTruth(host, "deleted while starting");
});

test("a caller that disconnects while its VM is made or boots leaves nothing", async () => {
  for (const until of ["spec", "progress"]) {
    const host = newHost();
    const machines = await startDaemon(host);
    const abort = new AbortController();
    const work = machines.create(
      request,
      agent,
      (event) => event.kind === until && abort.abort(new Error("gone")),
      abort.signal,
    );
    expect(await codeOf(work)).toBe("VM_CANCELLED");
    await machines.idle();
    expect(machines.all()).toEqual([]);
    assertTruth(host, until);
  }
});

test("an ephemeral VM is deleted with its last hold", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  const { emit, signal } = recorder();
  const { hold } = await machines.create({ ...request, ephemeral: true }, agent, emit, signal);
  const second = machines.hold("web");
  hold?.end();
  hold?.end();
  await machines.idle();
  expect(machines.find("web").state).toBe("running");
  second.end();
  await machines.idle();
  expect(machines.all()).toEqual([]);
  assertTruth(host, "hold over");
});

test("when the caller disconnects while services start, its ephemeral VM is deleted", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  const abort = new AbortController();
  const work = machines.create(
    { ...request, ephemeral: true },
    services,
    (event) => {
      if (event.kind === "progress" && event.step === "services") abort.abort(new Error("gone"));
    },
    abort.signal,
  );
  await expect(work).rejects.toThrow("gone");
  await machines.idle();
  expect(machines.all()).toEqual([]);
  assertTruth(host, "gone while waiting");
});

test("images and kernels that VMs use can't be deleted; unused ones can", async () => {
  const host = newHost();
  const machines = await running(host);
  const image = machines.deleteImage("debian-bookworm").catch((error: unknown) => error);
  expect(isError(await image, "IMAGE_IN_USE")).toBe(true);
  expect(await codeOf(machines.deleteKernel("debian-bookworm-cloud"))).toBe("KERNEL_IN_USE");
  await machines.delete("web");
  await machines.deleteImage("debian-bookworm");
  await machines.deleteKernel("debian-bookworm-cloud");
  expect([await machines.images(), await machines.kernels()]).toEqual([[], []]);
  const { emit, signal } = recorder();
  const missing = await machines.create(request, null, emit, signal).catch((error: unknown) => error);
  expect(missing).toEqual(
    expect.objectContaining({
      code: "IMAGE_NOT_FOUND",
      details: expect.objectContaining({ recipe: "debian-bookworm" }),
    }),
  );
});

test("a session in a stopped VM is refused, with a hint", async () => {
  const host = newHost();
  const machines = await running(host);
  await machines.stop("web", {}, () => {});
  await expect(machines.session("web")).rejects.toThrow('can\'t open a session in VM "web": it is stopped');
  expect(await codeOf(machines.session("wen"))).toBe("VM_NOT_FOUND");
});
