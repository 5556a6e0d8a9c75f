/** Templates of VMs whose network turns out to be another than it was when they were asked for. */
import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import { depsOf } from "../testing/daemon.ts";
import { saving, setUp } from "../testing/saving.ts";
import { assertTruth } from "../testing/truth.ts";

test("no template is made with another network than VMs have; a later one can be", async () => {
  const host = saving();
  const { network } = depsOf(host);
  let hasFailed = true;
  const prepare = async (...asked: Parameters<typeof network.prepare>) => {
    const net = await network.prepare(...asked);
    return hasFailed ? { ...net, device: { kind: "builtin", mac: net.identity.mac } as const } : net;
  };
  const { machines, run } = await setUp(host, { network: { ...network, prepare } });
  expect((await run("one")).startedHow).toMatch(/^cold \(no template: the VM's network did not start/);
  expect(machines.templates()).toEqual([]);
  hasFailed = false;
  expect((await run("two")).startedHow).toMatch(/^restored from template/);
  await machines.idle();
  assertTruth(host, "a template after all");
});

test("a network that fails and has a fallback costs no cold boot: the template is made with the fallback", async () => {
  const host = saving();
  const { network } = depsOf(host);
  let works = false;
  let hasFailed = false;
  const device = { kind: "builtin", mac: "02:00:00:00:00:01" } as const;
  const kind = async () => (hasFailed ? ("builtin" as const) : ("stream" as const));
  const prepare = async (...asked: Parameters<typeof network.prepare>) => {
    const net = await network.prepare(...asked);
    hasFailed = !works;
    return works ? net : { ...net, device };
  };
  const { machines, run, world } = await setUp(host, { network: { ...network, kind, prepare } });
  expect((await run("one")).startedHow).toMatch(/^restored from template/);
  expect((await run("two")).startedHow).toMatch(/^restored from template/);
  expect([...world.vmms.values()].filter(({ from }) => from === null)).toHaveLength(1);
  works = true;
  hasFailed = false;
  expect((await run("three")).startedHow).toMatch(/^restored from template/);
  await machines.idle();
  assertTruth(host, "both networks");
});

test("a VM whose devices turn out to differ boots, and the template is kept", async () => {
  const { world, machines, run, texts } = await setUp();
  await run("one");
  const before = machines.templates();
  world.failing.set("restore", fail("SAVE_OTHER_DEVICES", { saved: "net=stream", present: "net=builtin" }));
  expect((await run("two")).startedHow).toMatch(/^cold \(its template could not be restored: .*net=stream, not/);
  expect(texts().join()).not.toContain("thrown away");
  world.failing.clear();
  expect((await run("three")).startedHow).toMatch(/^restored from template/);
  expect(machines.templates().map(({ key }) => key)).toEqual(before.map(({ key }) => key));
  world.failing.set("restore", fail("SAVE_OTHER_DEVICES", { saved: "net=stream", present: "net=builtin" }));
  await run("four");
  expect(texts().join()).not.toContain("thrown away");
  await run("five");
  expect(texts().join()).toContain("thrown away");
  await machines.idle();
  expect(machines.templates()).toEqual([]);
});
