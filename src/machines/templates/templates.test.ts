/** VMs that start from a template, over a host in memory. */
import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import { kernelRecord, layerRef } from "../../store/testing/records.ts";
import type { MachinesDeps } from "../deps.ts";
import { depsOf, type Host, paths, shortTimings, startDaemon } from "../testing/daemon.ts";
import { request, running, saving, services, setUp } from "../testing/saving.ts";
import { assertTruth } from "../testing/truth.ts";

test("the first VM makes the template, later ones start from it, each with its own identity", async () => {
  const { host, world, machines, run, texts } = await setUp();
  const one = await run("one");
  expect(world.vmms.size).toBe(2);
  expect(texts()).toContain("saving it");
  await machines.idle();
  const two = await run("two");
  expect(world.vmms.size).toBe(3);
  const [template] = machines.templates();
  expect(template).toMatchObject({ uses: 2, facts: { vcpu: 2, memoryMib: 1024, vmm: "world 1 tcg" } });
  const short = template?.key.slice(7, 19);
  for (const vm of [one, two]) {
    expect(vm.startedHow).toStartWith(`restored from template ${short}: decide`);
    const { from, isPaused, guest } = running(host, vm);
    expect(from?.files.memory).toBe(paths.template(template?.key as never).memory);
    expect(isPaused).toBe(false);
    expect(guest.identities).toMatchObject([{ generation: 1, hostname: vm.name, authorizedKeys: ["key"] }]);
  }
  const ids = [one, two].map((vm) => running(host, vm).guest.identities[0]?.["machineId"]);
  expect(ids[0]).not.toBe(ids[1] as string);
  assertTruth(host, "two VMs of a template");
});

test("each start looks at its VMM once, beside what its driver does, and so sees what became of it", async () => {
  const { world, machines, run } = await setUp();
  await run("one");
  await machines.idle();
  for (const name of ["two", "three"]) {
    world.probes = 0;
    expect((await run(name)).startedHow).toStartWith("restored from template");
    expect(world.probes).toBe(1);
    await machines.idle();
  }
  world.probes = 0;
  await machines.stop("two", {}, () => {});
  await machines.start("two", { wait: "agent" }, () => {}, new AbortController().signal);
  expect(world.probes).toBe(1);
  world.vmmProblem = { why: "the rights to it are gone", fix: "log in again" };
  await expect(run("four")).rejects.toMatchObject({ code: "VMM_NOT_FOUND" });
});

test("a template's own guest gets nothing of the user's", async () => {
  const { world, run } = await setUp();
  await run("one");
  const [booted] = [...world.vmms.values()];
  expect(booted?.guest.identities).toMatchObject([{ authorizedKeys: [], environment: { P: "1" }, caCertificates: [] }]);
  expect(Object.keys(booted?.guest.identities[0] ?? {}).toSorted()).toEqual(
    [
      "authorizedKeys",
      "caCertificates",
      "clock",
      "entropy",
      "environment",
      "generation",
      "hostname",
      "machineId",
      "network",
      "sshHostKeys",
      "template",
    ].toSorted(),
  );
});

test("only VMs get a proxy's password", async () => {
  const host = saving();
  const environment = { http_proxy: "http://me:secret@proxy.example:3128", no_proxy: "localhost" };
  const inheritance = async () => ({ authorizedKeys: [], environment, caCertificates: [], notes: [] });
  const machines = await startDaemon(host, undefined, { inheritance });
  const { vm } = await machines.create(request("one"), services, () => {}, AbortSignal.timeout(5000));
  const [template] = [...host.world.vmms.values()];
  expect(template?.guest.identities).toMatchObject([{ environment: { no_proxy: "localhost" } }]);
  expect(running(host, vm).guest.identities).toMatchObject([{ environment }]);
});

test("two at once boot once", async () => {
  const { host, world, machines, run } = await setUp();
  await Promise.all([run("one"), run("two"), run("three")]);
  await machines.idle();
  expect([...world.vmms.values()].filter(({ from }) => from === null)).toHaveLength(1);
  assertTruth(host, "three at once");
});

test.each<[string, (host: Host) => void, RegExp]>([
  [
    "a VMM that can't save",
    ({ world }) => void Object.assign(world, { canSave: false }),
    /^cold \(world 1 can't save VMs\)/,
  ],
  [
    "templates turned off",
    ({ world }) => void Object.assign(world, { templateLimit: 0 }),
    /^cold \(templates are turned off/,
  ],
])("%s: VMs boot cold, and report why", async (_, change, how) => {
  const host = saving();
  change(host);
  const { run } = await setUp(host);
  expect((await run("one")).startedHow).toMatch(how);
  assertTruth(host, "cold");
});

test("--cold boots, even if there are templates", async () => {
  const { host, run } = await setUp();
  await run("one");
  const vm = await run("two", { ...services, cold: true });
  expect(vm.startedHow).toMatch(/^cold \(as requested\)/);
  expect(running(host, vm).from).toBeNull();
});

test.each(["boot", "save", "rename", "createDisk"])(
  "a template whose %s fails is reported once, and VMs boot cold",
  async (what) => {
    const { host, world, machines, run, texts } = await setUp();
    world.failing.set(what, Object.assign(new Error("no luck"), { code: "EIO" }));
    const first = await machines
      .create(request("one"), services, () => {}, AbortSignal.timeout(5000))
      .then(({ vm }) => vm.startedHow)
      .catch(String);
    expect(first).toMatch(/no luck/);
    world.failing.clear();
    const vm = await run("two");
    expect(vm.startedHow).toMatch(/^cold \(no template: .*no luck/);
    expect(texts().join()).not.toContain("could not be made");
    await machines.idle();
    assertTruth(host, `a failed ${what}`);
  },
);

test("a template that can't be restored is removed and reported, and the VM boots", async () => {
  const { host, world, machines, run, texts } = await setUp();
  await run("one");
  await machines.idle();
  world.paths.delete(paths.template(machines.templates()[0]?.key as never).state);
  const vm = await run("two");
  expect(vm).toMatchObject({
    state: "running",
    startedHow: expect.stringMatching(/^cold \(its template could not be/),
  });
  expect(texts().join()).toMatch(/template [0-9a-f]{12} is thrown away, it can't be restored/);
  expect(machines.templates()).toEqual([]);
  assertTruth(host, "a damaged template");
  expect((await run("three")).startedHow).toMatch(/^restored from template/);
});

const template = (key: unknown) => paths.template(key as never);
test.each<[string, (key: unknown) => string, RegExp]>([
  ["memory", (key) => template(key).memory, /its memory file is not/],
  ["disk", (key) => template(key).disk, /its disk is not/],
  ["layer", () => paths.layer(layerRef().digest), /[/]c[/]layers[/][0-9a-f]+[.]sqfs is not/],
  ["kernel", () => paths.kernel(kernelRecord().digest).vmlinux, /vmlinux is not/],
  ["modules", () => paths.kernel(kernelRecord().digest).modules, /modules.sqfs is not/],
  ["initramfs", () => "/c/initramfs/1.cpio", /1.cpio is not/],
])("a template whose %s was modified is removed and reported, and made again", async (_, path, words) => {
  const { host, world, machines, run, texts } = await setUp();
  await run("one");
  await machines.idle();
  world.paths.set(path(machines.templates()[0]?.key), "spoiled");
  const booted = () => [...world.vmms.values()].filter(({ from }) => from === null).length;
  expect((await run("two")).startedHow).toMatch(/^restored from template/);
  expect(texts().join()).toMatch(/template [0-9a-f]{12} is thrown away: /);
  expect(texts().join()).toMatch(words);
  expect(booted()).toBe(2);
  await run("three");
  expect(booted()).toBe(2);
  await machines.idle();
  assertTruth(host, "a spoiled template");
});

test("a full disk is not blamed on the template", async () => {
  const { host, world, machines, emit, signal, run } = await setUp();
  await run("one");
  await machines.idle();
  world.failing.set("copySparse", Object.assign(new Error("no space"), { code: "ENOSPC" }));
  await expect(machines.create(request("two"), services, emit, signal)).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(machines.templates()).toHaveLength(1);
  await machines.idle();
  assertTruth(host, "a full disk");
});

test.each([
  fail("DISK_FULL", { path: "/s/vms", during: "restoring" }),
  fail("AGENT_REFUSED", { verb: "identity", reason: "no", code: "EACCES" }),
])("once it is being restored, $code is not blamed on the template either", async (error) => {
  const { host, world, machines, emit, signal, run, texts } = await setUp();
  await run("one");
  await machines.idle();
  world.failing.set("restore", error);
  for (const name of ["two", "three"])
    await expect(machines.create(request(name), services, emit, signal)).rejects.toMatchObject({ code: error.code });
  expect(machines.templates()).toHaveLength(1);
  expect(texts().join()).not.toContain("thrown away");
  world.failing.clear();
  expect((await run("four")).startedHow).toMatch(/^restored from template/);
  await machines.idle();
  assertTruth(host, "the template stays");
});

test("no space for a template: VMs boot cold until there is", async () => {
  const { world, run } = await setUp();
  world.freeBytes = 2 ** 20;
  expect((await run("one")).startedHow).toMatch(/^cold \(no template: not enough space at/);
  world.freeBytes = 2 ** 40;
  expect((await run("two")).startedHow).toMatch(/^restored from template/);
});

test("a new VM's first start is from the template, a later one from its disk", async () => {
  const { machines, emit, signal } = await setUp();
  await machines.create(request("one"), null, emit, signal);
  expect((await machines.start("one", services, emit, signal)).startedHow).toMatch(/^restored from template/);
  await machines.stop("one", {}, emit);
  expect((await machines.start("one", services, emit, signal)).startedHow).toMatch(/^cold \(it has run before\)/);
});

test("removing an image removes its templates", async () => {
  const { host, machines, run } = await setUp();
  await run("one");
  await machines.delete("one");
  await machines.idle();
  expect(machines.templates()).toHaveLength(1);
  await machines.deleteImage("debian-bookworm");
  await machines.idle();
  expect(machines.templates()).toEqual([]);
  assertTruth(host, "no image");
});

test("templates are found by a prefix of their key, and deleted", async () => {
  const { host, machines, run } = await setUp();
  await run("one");
  await machines.idle();
  const key = machines.templates()[0]?.key.slice(7) as string;
  expect(machines.findTemplate(key.slice(0, 6)).key).toBe(`sha256:${key}` as never);
  for (const text of ["zz", "", "../x", "f".repeat(65)])
    expect(() => machines.findTemplate(text)).toThrow(expect.objectContaining({ code: "TEMPLATE_NOT_FOUND" }));
  await machines.deleteTemplate(key);
  assertTruth(host, "deleted");
});

test("when there are too many templates, the least recently used are removed", async () => {
  const { host, world, machines, emit, signal } = await setUp();
  world.templateLimit = 2 * 4096;
  for (const vcpu of [1, 2, 3]) await machines.warmTemplate({ ephemeral: false, vcpu }, emit, signal);
  await machines.idle();
  expect(machines.templates()).toHaveLength(2);
  assertTruth(host, "evicted");
});

test("a template that is removed while a VM starts from it does no harm: the VM boots", async () => {
  const { host, world, machines, run } = await setUp();
  await run("one");
  await machines.idle();
  world.failing.set("copySparse", Object.assign(new Error("no such file"), { code: "ENOENT" }));
  const vm = await run("two");
  expect(vm.startedHow).toMatch(/^cold \(its template could not be restored/);
  await machines.idle();
  assertTruth(host, "a template that went");
});

/** When `isSlow` is set, copies of a template's disk block until `go` is called. */
function slowCopies(host: Host) {
  const [moved, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let oneMore = () => {};
  const slow = {
    isSlow: false,
    count: 0,
    async begun(count: number) {
      while (slow.count < count) await new Promise<void>((resolve) => (oneMore = resolve));
    },
    moved: moved.promise,
    go: gate.resolve,
  };
  const { copySparse, files } = depsOf(host);
  const changes: Partial<MachinesDeps> = {
    copySparse: async (...copy) => {
      if (slow.isSlow) {
        slow.count += 1;
        oneMore();
        await gate.promise;
      }
      await copySparse(...copy);
    },
    files: {
      ...files,
      rename: async (from, to) => {
        await files.rename(from, to);
        if (slow.isSlow) moved.resolve();
      },
    },
  };
  return { slow, changes };
}

async function removedDuringCopy() {
  const host = saving();
  const { slow, changes } = slowCopies(host);
  const set = await setUp(host, changes);
  await set.run("one");
  await set.machines.idle();
  const [template] = set.machines.templates();
  const key = template?.key as never;
  slow.isSlow = true;
  const two = set.run("two");
  await slow.begun(1);
  const deleted = set.machines.deleteTemplate(key);
  expect(set.machines.templates()).toEqual([]);
  return { ...set, slow, two, deleted, files: paths.template(key) };
}

test("the files of a removed template stay until the VM that is starting from it is done", async () => {
  const { host, world, machines, slow, two, deleted, files } = await removedDuringCopy();
  expect(world.paths.has(files.disk)).toBe(true);
  slow.go();
  expect((await two).startedHow).toMatch(/^restored from template/);
  await deleted;
  expect(world.list(files.directory)).toEqual([]);
  await machines.idle();
  assertTruth(host, "a template removed during a copy");
});

test("a new template takes the place of one in use once that is released", async () => {
  const { host, world, machines, run, slow, two, deleted, files } = await removedDuringCopy();
  const three = run("three");
  await slow.moved;
  expect(world.paths.has(files.disk)).toBe(true);
  slow.go();
  expect((await two).startedHow).toMatch(/^restored from template/);
  await deleted;
  expect((await three).startedHow).toMatch(/^restored from template/);
  await machines.idle();
  expect(machines.templates()).toHaveLength(1);
  assertTruth(host, "a template made anew");
});

test.each([
  ["no more at a time than may be", 30_000, 2],
  ["one that takes long keeps none waiting", 1, 3],
])("restores come in turns: %s", async (_, restoreTurnMs, most) => {
  const host = saving();
  const { slow, changes } = slowCopies(host);
  const { machines, run } = await setUp(host, { ...changes, timings: { ...shortTimings, restoreTurnMs } });
  await run("one");
  await machines.idle();
  slow.isSlow = true;
  const all = ["two", "three", "four"].map((name) => run(name));
  await slow.begun(most);
  // everything that can run without a timer has run
  await new Promise(setImmediate);
  expect(slow.count).toBe(most);
  slow.go();
  for (const vm of await Promise.all(all)) expect(vm.startedHow).toMatch(/^restored from template/);
  assertTruth(host, "restored in turns");
});

test("a template that fails twice is not made again for a while, and that is reported each time", async () => {
  const { world, machines, run, texts } = await setUp();
  await run("one");
  world.failing.set("restore", new Error("no luck"));
  for (const name of ["two", "three"]) expect((await run(name)).startedHow).toMatch(/^cold \(its template could not/);
  world.failing.clear();
  expect((await run("four")).startedHow).toMatch(/^cold \(no template: .*no luck/);
  expect(texts().filter((text) => /^booting, because there is no template: .*no luck/.test(text))).toHaveLength(1);
  await machines.idle();
});
