/** VMs that stand still, are saved, multiply, go back; and the templates that new ones begin from. */
import { emptySchema, forkVmSchema, restoreVmSchema, snapshotVmSchema, warmTemplateSchema } from "../../api/schema.ts";
import type { ForkVm, RestoreVm, SnapshotVm, WarmTemplate } from "../../api/types.ts";
import { answerJson, answerWork } from "../answers.ts";
import { readJson } from "../body.ts";
import type { Handler } from "../daemon.ts";

export const pauseVm: Handler = async ({ machines }, exchange, name) => {
  await readJson(exchange, emptySchema);
  answerJson(exchange, await machines.view(await machines.pause(name)));
};

export const resumeVm: Handler = async ({ machines }, exchange, name) => {
  await readJson(exchange, emptySchema);
  answerJson(exchange, await machines.view(await machines.resume(name)));
};

export const suspendVm: Handler = async ({ machines, log }, exchange, name) => {
  await readJson(exchange, emptySchema);
  await answerWork(exchange, log, async (emit) => machines.view(await machines.suspend(name, emit, exchange.signal)));
};

export const forkVm: Handler = async ({ machines, log }, exchange, name) => {
  const { names = [], ...rest } = (await readJson(exchange, forkVmSchema)) as ForkVm;
  await answerWork(exchange, log, async (emit) => {
    const children = await machines.fork(name, { names, ...rest }, emit, exchange.signal);
    return Promise.all(children.map(machines.view));
  });
};

export const snapshotVm: Handler = async ({ machines, log }, exchange, name) => {
  const { name: as } = (await readJson(exchange, snapshotVmSchema)) as SnapshotVm;
  await answerWork(exchange, log, (emit) => machines.snapshot(name, as, emit, exchange.signal));
};

export const restoreVm: Handler = async ({ machines, log }, exchange, name) => {
  const { snapshot, ...rest } = (await readJson(exchange, restoreVmSchema)) as RestoreVm;
  await answerWork(exchange, log, async (emit) =>
    machines.view(await machines.restore(name, snapshot, rest, emit, exchange.signal)),
  );
};

export const snapshotsOfVm: Handler = async ({ machines }, exchange, name) =>
  answerJson(exchange, machines.snapshots(name));

export const listSnapshots: Handler = async ({ machines }, exchange) => answerJson(exchange, machines.snapshots());

export const deleteSnapshot: Handler = async ({ machines }, exchange, id) =>
  answerJson(exchange, await machines.deleteSnapshot(id));

export const listTemplates: Handler = async ({ machines }, exchange) => answerJson(exchange, machines.templates());

export const showTemplate: Handler = async ({ machines }, exchange, key) =>
  answerJson(exchange, machines.findTemplate(key));

export const warmTemplate: Handler = async ({ machines, log }, exchange) => {
  const request = (await readJson(exchange, warmTemplateSchema)) as WarmTemplate;
  await answerWork(exchange, log, (emit) =>
    machines.warmTemplate({ ...request, ephemeral: false }, emit, exchange.signal),
  );
};

export const deleteTemplate: Handler = async ({ machines }, exchange, key) =>
  answerJson(exchange, await machines.deleteTemplate(key));
