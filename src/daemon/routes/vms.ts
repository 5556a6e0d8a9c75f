/** VMs as things: listed, created, shown, renamed, deleted. */
import { whenAborted } from "../../base/async.ts";
import { oneLine } from "../../base/display.ts";
import { EventStream } from "../answers.ts";
import { json, special } from "../route.ts";

export const vmRoutes = {
  ...json("listVms", ({ machines }) => Promise.all(machines.all().map(machines.view))),
  ...json("showVm", ({ machines }, { name }) => machines.view(machines.find(name))),
  ...json("renameVm", async ({ machines }, { name, body }) => machines.view(await machines.rename(name, body.name))),
  ...json("deleteVm", async ({ machines }, { name }) => {
    const { id, name: deleted } = await machines.delete(name);
    return { id, name: deleted };
  }),

  /** With `lease` the answer stays open after its result; the VM goes when the connection does. */
  ...special("createVm", async ({ machines, log }, { body, exchange, use }) => {
    const { start, wait = "services", cold = false, lease: leased = false, purpose, ...request } = body;
    if (purpose !== undefined) use.describe(oneLine(purpose));
    const events = new EventStream(exchange, log);
    try {
      const { vm, lease } = await machines.create(
        { ...request, ephemeral: leased, holder: exchange.peer.pid },
        start ? { wait, cold } : null,
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
  }),

  /** Takes an ephemeral VM's lease again, after the daemon's restart. */
  ...special("leaseVm", async ({ machines, log }, { name, exchange }) => {
    const vm = machines.find(name);
    const lease = machines.lease(name, exchange.peer.pid);
    const events = new EventStream(exchange, log);
    try {
      events.result(await machines.view(vm));
      await whenAborted(exchange.signal);
    } finally {
      lease.end();
    }
  }),
};
