/** Warm VMs, over a host in memory. */
import { expect, test } from "bun:test";
import type { VmId } from "../../base/names.ts";
import { paths, startDaemon } from "../testing/daemon.ts";
import { request, running, saving, services, setUp } from "../testing/saving.ts";
import { assertTruth } from "../testing/truth.ts";
import type { World } from "../testing/world.ts";

/** One VM was run and deleted, and another one is warm. */
async function setUpWarm() {
  const host = saving();
  host.world.keepsWarm = true;
  const made = await setUp(host);
  await made.run("first");
  await made.machines.delete("first");
  const warm = await nextWarm(made);
  return { ...made, warm };
}

/** The warm VM, once it exists. */
async function nextWarm({ world, machines }: Pick<Awaited<ReturnType<typeof setUp>>, "world" | "machines">) {
  const warm = await world.nextPaused();
  await machines.idle();
  return warm;
}

test("the next VM of the kind takes it over, and only has to apply its identity", async () => {
  const { host, world, machines, run, warm } = await setUpWarm();
  expect(warm).toMatchObject({ isPaused: true, guest: { generation: 0 } });
  expect(machines.vmProcesses().toSorted()).toEqual([...world.networks.keys(), warm.process.pid].toSorted());
  const vm = await run("second");
  expect(vm.id).toBe(warm.spec.id);
  expect(vm.startedHow).toMatch(/^warm VM of template [0-9a-f]{12}: decide/);
  expect(running(host, vm)).toMatchObject({ isPaused: false, process: warm.process });
  expect(warm.guest.identities.at(-1)).toMatchObject({ generation: 1, hostname: "second" });
  expect(machines.templates()[0]?.uses).toBe(2);
  await machines.retire();
  assertTruth(host, "taken over");
  expect(world.living()).toHaveLength(1);
});

test("a VM that denies more than the warm one does not take it over", async () => {
  const { host, world, machines, emit, signal, warm } = await setUpWarm();
  const denying = async (name: string) => {
    const asked = { ...request(name), network: { deny: ["lan"] } };
    return (await machines.create(asked, services, emit, signal)).vm;
  };
  const vm = await denying("second");
  expect(vm.id).not.toBe(warm.spec.id);
  expect(vm.startedHow).toMatch(/^restored from template/);
  expect(deniedBy(host, vm.id)).toEqual(["lan"]);
  await machines.delete("second");
  const next = await nextWarm({ world, machines });
  const third = await denying("third");
  expect(third.id).toBe(next.spec.id);
  expect(deniedBy(host, third.id)).toEqual(["lan"]);
});

function deniedBy({ world }: { world: World }, id: string): readonly string[] | undefined {
  const [pid] = [...world.networks].find(([, folder]) => folder === paths.vm(id as VmId).directory) ?? [];
  return pid === undefined ? undefined : world.denied.get(pid);
}

test("it has rehearsed under its own identity: an identity without its number, and programs", async () => {
  const host = saving();
  host.world.keepsWarm = true;
  const made = await setUp(host);
  await made.run("first");
  const commands: unknown[] = [];
  host.world.guest.onExec = (argv) => commands.push(argv) > 0;
  await made.machines.delete("first");
  const warm = await nextWarm(made);
  expect(commands).toEqual([["true"], ["sh", "-c", "true"]]);
  const [identity, ...others] = warm.guest.identities;
  expect(others).toEqual([]);
  expect(identity).toMatchObject({ generation: 0, hostname: "warm", authorizedKeys: [] });
  expect(identity).not.toContainAnyKeys(["machineId", "template"]);
});

test("a VM that waits for the warm one does not wait for its rehearsal", async () => {
  const host = saving();
  host.world.keepsWarm = true;
  const { machines, run } = await setUp(host);
  await run("first");
  const begun = Promise.withResolvers<void>();
  host.world.guest.onExec = () => {
    begun.resolve();
    return false;
  };
  await machines.delete("first");
  await begun.promise;
  expect((await run("second")).startedHow).toMatch(/^warm VM of template/);
  await machines.retire();
  assertTruth(host, "hurried");
});

test.each<[string, object, object]>([
  ["with other sizes", { vcpu: 1 }, {}],
  ["with a larger disk", { diskBytes: 2 ** 34 }, {}],
  ["that is kept, when the last was not", { ephemeral: true }, {}],
  ["that shall boot", {}, { cold: true }],
])("a VM %s does not take it over", async (_, change, options) => {
  const { host, machines, emit, signal, warm } = await setUpWarm();
  const asked = { ...request("second"), ...change };
  const { vm } = await machines.create(asked, { ...services, ...options }, emit, signal);
  expect(vm.id).not.toBe(warm.spec.id);
  expect(running(host, vm).guest.identities).toHaveLength(1);
});

test("one that died meanwhile is not used: the VM starts from the template", async () => {
  const { host, machines, run, warm } = await setUpWarm();
  warm.guest.end({ kind: "vmm-died", reason: "killed" });
  const vm = await run("second");
  expect(vm.startedHow).toMatch(/^restored from template/);
  await machines.retire();
  assertTruth(host, "a dead warm");
});

test("one whose disk was modified meanwhile is not used: the VM starts from the template", async () => {
  const { host, world, machines, run, warm } = await setUpWarm();
  world.paths.set(paths.vm(warm.spec.id).disk, "other");
  expect((await run("second")).startedHow).toMatch(/^restored from template/);
  await machines.retire();
  await machines.idle();
  assertTruth(host, "a warm that was written to");
});

test("when the name is taken, the warm VM and its resources are removed", async () => {
  const { host, machines, emit, signal, run } = await setUpWarm();
  await run("second");
  await expect(machines.create(request("second"), services, emit, signal)).rejects.toMatchObject({
    code: "VM_NAME_TAKEN",
  });
  await machines.retire();
  assertTruth(host, "a name that is taken");
});

test("a daemon that stops ends it; the next one ends what a dead daemon left", async () => {
  const { host, world, machines } = await setUpWarm();
  machines.release();
  const next = await startDaemon(host);
  await next.idle();
  assertTruth(host, "after a death");
  expect(world.list(paths.vms)).toEqual([]);
  const other = await setUpWarm();
  await other.machines.retire();
  assertTruth(other.host, "retired");
});

test("it is removed after its lifetime", async () => {
  const host = saving();
  host.world.keepsWarm = true;
  let expire = () => {};
  const after = (ms: number, run: () => void) => {
    if (ms === 60_000) expire = run;
    if (ms === 1) queueMicrotask(run);
    return () => {};
  };
  const machines = await startDaemon(host, undefined, { after });
  const { emit, signal } = { emit: () => {}, signal: AbortSignal.timeout(5000) };
  await machines.create(request("first"), services, emit, signal);
  await machines.delete("first");
  await nextWarm({ world: host.world, machines });
  expire();
  await machines.idle();
  assertTruth(host, "expired");
});

test("another kind replaces it", async () => {
  const { host, machines, emit, signal } = await setUpWarm();
  await machines.create({ ...request("second"), vcpu: 1 }, services, emit, signal);
  await machines.delete("second");
  expect((await nextWarm({ world: host.world, machines })).spec.vcpu).toBe(1);
  expect(host.world.living()).toHaveLength(1);
  await machines.retire();
  assertTruth(host, "another kind");
});

test("cancelling a VM that has not yet taken it over ends it", async () => {
  const { host, world, machines, warm } = await setUpWarm();
  const abort = new AbortController();
  const atSpec = (event: { kind: string }) => void (event.kind === "spec" && abort.abort(new Error("enough")));
  await expect(machines.create(request("second"), services, atSpec as never, abort.signal)).rejects.toThrow();
  await machines.retire();
  expect(world.living()).toEqual([]);
  expect([...world.networks.keys()]).toEqual([]);
  expect(warm.guest.exit).not.toBeNull();
  assertTruth(host, "cancelled");
});

test.each<[string, (made: Awaited<ReturnType<typeof setUpWarm>>, key: string) => Promise<unknown>]>([
  ["was spoiled", async ({ world }, key) => void world.paths.set(paths.template(key as never).memory, "spoiled")],
  ["was deleted", ({ machines }, key) => machines.deleteTemplate(key)],
])("one whose template %s is not used", async (_, change) => {
  const made = await setUpWarm();
  const { host, machines, run, warm } = made;
  await change(made, machines.templates()[0]?.key ?? "");
  const vm = await run("second");
  expect(vm.startedHow).toMatch(/^restored from template/);
  expect(running(host, vm).process).not.toEqual(warm.process);
  await machines.retire();
  await machines.idle();
  assertTruth(host, "another template");
});

test("one that can't be made leaves no process", async () => {
  const host = saving();
  const made = await setUp(host);
  await made.run("first");
  await made.machines.idle();
  host.world.keepsWarm = true;
  host.world.failing.set("copySparse", new Error("no luck"));
  const tried = new Promise<void>((resolve) => {
    host.world.onFailure = resolve;
  });
  await made.machines.delete("first");
  await tried;
  await made.machines.retire();
  assertTruth(host, "no warm");
});
