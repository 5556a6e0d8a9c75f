/** Pause, suspend, fork, snapshots, restore; and templates. */
import { json, work } from "../route.ts";

export const saveRoutes = {
  ...json("pauseVm", async ({ machines }, { name }) => machines.view(await machines.pause(name))),
  ...json("resumeVm", async ({ machines }, { name }) => machines.view(await machines.resume(name))),
  ...work("suspendVm", async ({ machines }, { name, exchange }, emit) =>
    machines.view(await machines.suspend(name, emit, exchange.signal)),
  ),
  ...work("forkVm", async ({ machines }, { name, body, exchange }, emit) => {
    const children = await machines.fork(name, { names: [], ...body }, emit, exchange.signal);
    return Promise.all(children.map(machines.view));
  }),

  ...work("snapshotVm", ({ machines }, { name, body, exchange }, emit) =>
    machines.snapshot(name, body.name, emit, exchange.signal),
  ),
  ...work("restoreVm", async ({ machines }, { name, body, exchange }, emit) => {
    const { snapshot, ...options } = body;
    return machines.view(await machines.restore(name, snapshot, options, emit, exchange.signal));
  }),
  ...json("snapshotsOfVm", ({ machines }, { name }) => machines.snapshots(name)),
  ...json("listSnapshots", ({ machines }) => machines.snapshots()),
  ...json("deleteSnapshot", ({ machines }, { name }) => machines.deleteSnapshot(name)),

  ...json("listTemplates", ({ machines }) => machines.templates()),
  ...json("showTemplate", ({ machines }, { name }) => machines.findTemplate(name)),
  ...json("deleteTemplate", ({ machines }, { name }) => machines.deleteTemplate(name)),
  ...work("warmTemplate", ({ machines }, { body, exchange }, emit) =>
    machines.warmTemplate({ ...body, ephemeral: false }, emit, exchange.signal),
  ),
};
