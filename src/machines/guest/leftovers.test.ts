/** What can't be removed prevents neither a daemon from serving nor a VM from being deleted later. */
import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import { agent, created, emit, signal, started } from "../testing/crash.ts";
import { depsOf, newHost, paths, shortTimings, startDaemon } from "../testing/daemon.ts";

function stuck(root: string) {
  return fail("NOT_REMOVED", { root, path: `${root}/x`, reason: "the system forbids it", next: "`chattr`" });
}

test("a VM whose folder can't be removed stays in deletion until it is gone: by another delete", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  await started(machines);
  const { directory } = paths.vm(machines.find("web").id);
  host.world.failing.set(`remove ${directory}`, stuck(directory));
  await expect(machines.delete("web")).rejects.toMatchObject({
    code: "NOT_REMOVED",
    details: { path: `${directory}/x` },
  });
  expect(machines.find("web")).toMatchObject({
    state: "deleting",
    failure: { reason: expect.stringContaining("x can't be removed") },
  });
  expect(host.world.living()).toEqual([]);
  expect(machines.leftovers()).toEqual([{ path: `${directory}/x`, reason: "the system forbids it", next: "`chattr`" }]);
  await expect(machines.start("web", agent, emit, signal)).rejects.toMatchObject({ code: "VM_STATE" });

  host.world.failing.clear();
  await machines.delete("web");
  expect([machines.all(), machines.leftovers()]).toEqual([[], []]);
});

test("or by the next daemon, which serves whether it can remove it or not", async () => {
  const host = newHost();
  const first = await startDaemon(host);
  await created(first);
  const { directory } = paths.vm(first.find("web").id);
  host.world.failing.set(`remove ${directory}`, stuck(directory));
  await expect(first.delete("web")).rejects.toMatchObject({ code: "NOT_REMOVED" });
  first.release();

  const second = await startDaemon(host);
  expect([second.find("web").state, second.leftovers()]).toEqual([
    "deleting",
    [expect.objectContaining({ path: `${directory}/x` })],
  ]);
  second.release();

  host.world.failing.clear();
  const third = await startDaemon(host);
  expect([third.all(), third.leftovers()]).toEqual([[], []]);
});

test.each(["vms/vvvvvv99", "vms/not an id", "templates/x", "snapshots/x"])(
  "a stray that can't be removed (%s) does not prevent the daemon's start, nor the removal of another stray",
  async (name) => {
    const host = newHost();
    const [kind, ...rest] = name.split("/");
    const folder = paths[kind as "vms" | "templates" | "snapshots"];
    const stray = `${folder}/${rest.join("/")}`;
    host.world.paths.set(`${stray}/f`, "");
    host.world.paths.set(`${folder}/other/f`, "");
    host.world.failing.set(`remove ${stray}`, stuck(stray));
    const machines = await startDaemon(host);
    expect([...host.world.paths.keys()].filter((path) => path.startsWith(folder))).toEqual([`${stray}/f`]);
    expect(machines.leftovers().map(({ path }) => path)).toEqual([`${stray}/x`]);
    await started(machines);
  },
);

test("layers and kernels that can't be removed do not prevent the daemon's start", async () => {
  const host = newHost();
  const failing = async () => {
    throw stuck("/c/layers/1.sqfs");
  };
  const artifacts = {
    ...depsOf(host).artifacts,
    removeStrays: failing,
    removeUnfinished: failing,
    removeLayers: failing,
  };
  const machines = await startDaemon(host, undefined, { artifacts });
  expect(machines.leftovers()).toHaveLength(1);
  await started(machines);
});

test("a slow removal continues while the daemon serves", async () => {
  const host = newHost();
  host.world.paths.set(`${paths.vms}/old/f`, "");
  const gone = Promise.withResolvers<void>();
  const { files } = depsOf(host);
  const removeTree = (path: string) => (path.endsWith("/old") ? gone.promise : files.removeTree(path));
  const changes = { files: { ...files, removeTree }, timings: { ...shortTimings, sweepMs: 1 } };
  const machines = await startDaemon(host, undefined, changes);
  await started(machines);
  gone.resolve();
  await machines.idle();
});
