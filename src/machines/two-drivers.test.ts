/** Two VMMs on one host, one of them as Firecracker is: each VM, template and save is one driver's. */
import { expect, test } from "bun:test";
import { fail } from "../base/errors/error.ts";
import { digestOf, imageRecord, layerRef } from "../store/testing/records.ts";
import type { Probe, VmmDriver } from "../vmm/driver.ts";
import { combineDrivers } from "../vmm/drivers.ts";
import { plainFeatures } from "../vmm/testing/fake.ts";
import { depsOf, type Host, paths, recorder, startDaemon } from "./testing/daemon.ts";
import { running, saving } from "./testing/saving.ts";
import { worldDriver } from "./testing/world.ts";

type Options = { config?: string; missing?: readonly string[] };

/** A daemon that prefers `plain` over `rich`. */
async function daemon(host: Host, { config = "auto", missing = [] }: Options = {}) {
  const { world } = host;
  const unless = (driver: VmmDriver): VmmDriver => {
    const gone: Probe = { usable: false, why: `${driver.name} is not installed`, fix: `install ${driver.name}` };
    return missing.includes(driver.name) ? { ...driver, probe: async () => gone } : driver;
  };
  const drivers = combineDrivers([
    unless(worldDriver(world, "plain", plainFeatures)),
    unless(worldDriver(world, "rich")),
  ]);
  const vmmChoice = async (asked?: string) => ({ choice: asked ?? config, why: asked ? "as requested" : "config" });
  const machines = await startDaemon(host, undefined, { drivers, vmmChoice });
  const { emit, signal, events } = recorder();
  const make = async (name: string, vmm?: string, ephemeral = false) => {
    const request = { name, ephemeral, ...(vmm === undefined ? {} : { vmm }) };
    return (await machines.create(request, { wait: "services" }, emit, signal)).vm;
  };
  return { machines, make, emit, signal, events };
}

const driverOf = (host: Host, vm: { id: string }) => running(host, vm as never).driver;

test("a VM runs on the best driver, or the one that is named, and its template is that driver's", async () => {
  const host = saving();
  const { machines, make } = await daemon(host);
  const [first, second] = [await make("a"), await make("b", "rich")];
  expect([first.spec.vmm, second.spec.vmm]).toEqual([
    { driver: "plain", why: "preferred" },
    { driver: "rich", why: "as requested" },
  ]);
  expect([driverOf(host, first), driverOf(host, second)]).toEqual(["plain", "rich"]);
  expect(running(host, first).spec.net?.kind).toBe("agent");
  expect(running(host, second).spec.net?.kind).toBe("stream");
  await make("c");
  await make("d", "rich");
  // side by side: neither takes the place of the other
  expect(
    machines
      .templates()
      .map(({ facts, uses }) => [facts.vmm.split(" ")[0], uses])
      .sort(),
  ).toEqual([
    ["plain", 2],
    ["rich", 2],
  ]);
});

test("only the template of a driver that saves in place is booted for that", async () => {
  const host = saving();
  const { make } = await daemon(host);
  await make("a");
  await make("b", "rich");
  const templates = [...host.world.vmms.values()].filter(({ from }) => from === null);
  expect(templates.map(({ driver, spec }) => [driver, spec.memory !== undefined])).toEqual([
    ["plain", false],
    ["rich", true],
  ]);
});

test("one that is named and can't run is an error, and leaves no VM", async () => {
  const host = saving();
  const { machines, make } = await daemon(host, { missing: ["plain"] });
  await expect(make("a", "plain")).rejects.toMatchObject({ code: "VMM_NOT_FOUND", hint: "install plain" });
  expect(machines.all()).toEqual([]);
  expect((await make("a")).spec.vmm).toEqual({ driver: "rich", why: "plain is not installed" });
});

test("a VM keeps its driver when it is restarted, forked and restored, whatever the config says later", async () => {
  const host = saving();
  const first = await daemon(host);
  const vm = await first.make("a");
  first.machines.release();
  const { machines, emit, signal } = await daemon(host, { config: "rich" });
  expect(machines.find("a").state).toBe("running");
  await machines.snapshot("a", "s", emit, signal);
  const [child] = await machines.fork("a", { names: ["b"] }, emit, signal);
  expect(driverOf(host, child ?? vm)).toBe("plain");
  await machines.stop("a", {}, emit);
  await machines.start("a", { wait: "agent" }, emit, signal);
  expect(driverOf(host, vm)).toBe("plain");
  await machines.restore("a", "s", {}, emit, signal);
  expect(driverOf(host, vm)).toBe("plain");
  await machines.suspend("a", emit, signal);
  const woken = await machines.session("a");
  woken.end();
  expect(driverOf(host, vm)).toBe("plain");
});

test("a running VM is adopted and ended by its driver, also when that can't start VMs any more", async () => {
  const host = saving();
  const first = await daemon(host);
  const vm = await first.make("a");
  first.machines.release();
  const { machines, emit, signal } = await daemon(host, { missing: ["plain"] });
  expect(machines.find("a").state).toBe("running");
  const { client, end } = await machines.session("a");
  expect(client.hello?.generation).toBe(running(host, vm).guest.generation);
  end();
  await machines.kill("a");
  await expect(machines.start("a", { wait: "agent" }, emit, signal)).rejects.toMatchObject({
    code: "VMM_NOT_FOUND",
    message: "plain is not installed",
  });
  expect(machines.find("a").state).toBe("stopped");
  // any driver can read its disk
  expect((await machines.save("a", { image: "kept" }, emit, signal)).name as string).toBe("kept");
  await machines.delete("a");
});

test("a save that is the other driver's is refused with the cold way out, and nothing is given up", async () => {
  const host = saving();
  const first = await daemon(host);
  const vm = await first.make("a");
  await first.machines.snapshot("a", "s", first.emit, first.signal);
  await first.machines.suspend("a", first.emit, first.signal);
  first.machines.release();
  // as if the disk of one machine had come to another whose database was merged by hand
  host.db.run(`UPDATE vms SET suspended = replace(suspended, '"plain"', '"rich"')`);
  host.db.run(`UPDATE snapshots SET save = replace(save, '"plain"', '"rich"')`);
  const { machines, emit, signal } = await daemon(host);
  const refused = {
    code: "SAVE_VERSION",
    message: "the VM was saved by rich 1; plain 1 can't restore it",
    hint: expect.stringContaining("banger vm start --cold NAME"),
  };
  await expect(machines.start("a", { wait: "agent" }, emit, signal)).rejects.toMatchObject(refused);
  expect(machines.find("a")).toMatchObject({ state: "suspended", suspended: { why: "suspended" } });
  await expect(machines.restore("a", "s", {}, emit, signal)).rejects.toMatchObject(refused);
  expect(machines.find("a").state).toBe("suspended");
  await machines.start("a", { wait: "agent", cold: true }, emit, signal);
  expect(driverOf(host, vm)).toBe("plain");
});

test("an image from before layers were merged to fit every driver runs on one that takes more disks", async () => {
  const host = saving();
  const layers = (count: number) =>
    Array.from({ length: count }, (_, at) => layerRef({ digest: digestOf((at % 16).toString(16)) }));
  const { store } = depsOf(host);
  const old = { direct: layerRef({ digest: digestOf("f") }), layers: layers(11), digest: digestOf("7") };
  store.images.put(imageRecord({ ...old, name: "old" as never }));
  store.images.put(imageRecord({ ...old, layers: layers(10), digest: digestOf("8"), name: "new" as never }));
  for (const { digest } of [...old.layers, old.direct]) host.world.paths.set(paths.layer(digest), "squashfs");
  const { machines, emit, signal } = await daemon(host);
  const make = async (image: string, vmm?: string) =>
    (await machines.create({ image, ephemeral: false, ...(vmm ? { vmm } : {}) }, null, emit, signal)).vm.spec.vmm;
  expect(await make("new")).toEqual({ driver: "plain", why: "preferred" });
  const tooMany = "plain can't run this VM: it takes at most 15 disks, and this one needs 16 (2 of them kept free)";
  expect(await make("old")).toEqual({ driver: "rich", why: tooMany });
  await expect(make("old", "plain")).rejects.toMatchObject({ code: "VMM_UNFIT", message: tooMany });
});

test("a warm VM of one driver is not taken over by a VM of the other", async () => {
  const host = saving();
  host.world.keepsWarm = true;
  const { machines, make } = await daemon(host);
  await make("a", undefined, true);
  const warm = host.world.nextPaused();
  await machines.delete("a");
  await warm;
  const other = await make("b", "rich");
  expect(other.startedHow).toStartWith("restored from template");
  expect(driverOf(host, other)).toBe("rich");
});

test("a VM of a driver that this banger does not have is left alone, and named", async () => {
  const host = saving();
  const { make, machines } = await daemon(host);
  await make("a");
  await machines.stop("a", {}, () => {});
  machines.release();
  host.db.run(`UPDATE vms SET spec = json_set(spec, '$.vmm.driver', 'cloud-hypervisor')`);
  const next = await daemon(host);
  await expect(next.machines.start("a", { wait: "agent" }, next.emit, next.signal)).rejects.toMatchObject({
    code: "VMM_NOT_FOUND",
    message: expect.stringContaining("cloud-hypervisor"),
  });
  expect(next.machines.find("a").state).toBe("stopped");
  await next.machines.delete("a");
});

test("a start that can't look at the config leaves its VM stopped", async () => {
  const host = saving();
  const { make, machines, emit, signal } = await daemon(host);
  await make("a");
  await machines.stop("a", {}, () => {});
  machines.release();
  host.world.sharing = { layer: "memory isolation", why: "w", leavesOpen: "l" };
  const broken = fail("CONFIG_INVALID", { file: "/e/config.toml", problems: ["p"] });
  const next = await startDaemon(host, undefined, {
    drivers: combineDrivers([worldDriver(host.world, "plain", plainFeatures)]),
    confinement: async () => {
      throw broken;
    },
  });
  await expect(next.start("a", { wait: "agent" }, emit, signal)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  expect(next.find("a").state).toBe("stopped");
});

test("a program that is replaced under a running VM does not end it, and its saves wait for the old one", async () => {
  const host = saving();
  const { make, machines, emit, signal } = await daemon(host);
  const vm = await make("a");
  host.world.version = "2";
  const refused = { code: "SAVE_VERSION", message: "the VM was saved by plain 1; plain 2 can't restore it" };
  await expect(machines.fork("a", { names: ["b"] }, emit, signal)).rejects.toMatchObject(refused);
  expect(machines.all().map(({ name, state }) => `${name} ${state}`)).toEqual(["a running"]);
  expect(running(host, vm).isPaused).toBe(false);
  await machines.suspend("a", emit, signal);
  await expect(machines.start("a", { wait: "agent" }, emit, signal)).rejects.toMatchObject(refused);
  expect(machines.find("a").state).toBe("suspended");
  // a template of the new version is made for new VMs
  expect((await make("c")).startedHow).toStartWith("restored from template");
  host.world.version = "1";
  await machines.start("a", { wait: "agent" }, emit, signal);
  expect(machines.find("a").startedHow).toStartWith("restored from where it was suspended");
});
