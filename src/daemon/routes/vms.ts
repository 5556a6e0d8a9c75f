/** VMs as things: listed, created, shown, renamed, deleted. */

import { createVmSchema, emptySchema, renameVmSchema } from "../../api/schema.ts";
import type { CreateVm } from "../../api/types.ts";
import { whenAborted } from "../../base/async.ts";
import { oneLine } from "../../base/display.ts";
import { answerJson, EventStream } from "../answers.ts";
import { readJson } from "../body.ts";
import type { Handler } from "../daemon.ts";

export const listVms: Handler = async ({ machines }, exchange) =>
  answerJson(exchange, await Promise.all(machines.all().map(machines.view)));

export const showVm: Handler = async ({ machines }, exchange, name) =>
  answerJson(exchange, await machines.view(machines.find(name)));

export const renameVm: Handler = async ({ machines }, exchange, name) => {
  const { name: to } = await readJson(exchange, renameVmSchema);
  answerJson(exchange, await machines.view(await machines.rename(name, to)));
};

export const deleteVm: Handler = async ({ machines }, exchange, name) => {
  await readJson(exchange, emptySchema);
  const { id, name: deleted } = await machines.delete(name);
  answerJson(exchange, { id, name: deleted });
};

/** With `lease` the answer stays open after its result; the VM goes when the connection does. */
export const createVm: Handler = async ({ machines, log }, exchange, _name, use) => {
  const { start, wait, cold, lease: leased, purpose, ...rest } = (await readJson(exchange, createVmSchema)) as CreateVm;
  if (purpose !== undefined) use.describe(oneLine(purpose));
  const events = new EventStream(exchange, log);
  const options = start ? { wait: wait ?? ("services" as const), cold: cold ?? false } : null;
  try {
    const { vm, lease } = await machines.create(
      { ...rest, ephemeral: leased === true, holder: exchange.peer.pid },
      options,
      events.emit,
      exchange.signal,
    );
    events.result(await machines.view(vm));
    if (lease) {
      if (purpose === undefined)
        use.describe(`VM "${vm.name}", which is deleted when its command ends`, { isLease: true });
      await whenAborted(exchange.signal);
      lease.end();
    }
  } catch (error) {
    events.error(error);
  }
  await events.end();
};

/** Takes an ephemeral VM's lease again, after the daemon's restart. */
export const leaseVm: Handler = async (daemon, exchange, name) => {
  const vm = daemon.machines.find(name);
  const lease = daemon.machines.lease(name, exchange.peer.pid);
  const events = new EventStream(exchange, daemon.log);
  try {
    events.result(await daemon.machines.view(vm));
    await whenAborted(exchange.signal);
  } finally {
    lease.end();
  }
};
