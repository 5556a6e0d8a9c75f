/** What VMs do: start, stop, restart, end, and being waited for. */
import { emptySchema, restartVmSchema, saveVmSchema, startVmSchema, stopVmSchema } from "../../api/schema.ts";
import type { SaveVm } from "../../api/types.ts";
import { answerJson, answerWork } from "../answers.ts";
import { readJson } from "../body.ts";
import type { Handler } from "../daemon.ts";
import { shownSource } from "../upload.ts";

export const startVm: Handler = async ({ machines, log }, exchange, name) => {
  const { wait, cold } = await readJson(exchange, startVmSchema);
  const options = { wait: wait ?? ("services" as const), cold: cold ?? false };
  await answerWork(exchange, log, async (emit) =>
    machines.view(await machines.start(name, options, emit, exchange.signal)),
  );
};

export const stopVm: Handler = async ({ machines, log }, exchange, name) => {
  const { graceMs } = await readJson(exchange, stopVmSchema);
  await answerWork(exchange, log, async (emit) => {
    const { vm, cut } = await machines.stop(name, graceMs === undefined ? {} : { graceMs }, emit);
    return { vm: await machines.view(vm), cut };
  });
};

export const restartVm: Handler = async ({ machines, log }, exchange, name) => {
  const { wait, graceMs } = await readJson(exchange, restartVmSchema);
  const options = { wait: wait ?? ("services" as const), ...(graceMs === undefined ? {} : { graceMs }) };
  await answerWork(exchange, log, async (emit) =>
    machines.view(await machines.restart(name, options, emit, exchange.signal)),
  );
};

export const killVm: Handler = async ({ machines }, exchange, name) => {
  await readJson(exchange, emptySchema);
  answerJson(exchange, await machines.view(await machines.kill(name)));
};

export const saveVm: Handler = async ({ machines, log }, exchange, name) => {
  const { source, ...rest } = (await readJson(exchange, saveVmSchema)) as SaveVm;
  const request = { ...rest, ...(source === undefined ? {} : { source: shownSource(source) }) };
  await answerWork(exchange, log, (emit) => machines.save(name, request, emit, exchange.signal));
};

export const waitVm: Handler = async ({ machines, log }, exchange, name) =>
  answerWork(exchange, log, async () => machines.view(await machines.waitForEnd(name, exchange.signal)));
