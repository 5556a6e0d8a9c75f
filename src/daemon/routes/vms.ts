/** VMs as resources: list, create, show, rename, delete. */
import { whenAborted } from "../../base/async.ts";
import { oneLine } from "../../base/untrusted-text.ts";
import { EventStream } from "../answers.ts";
import { json, special } from "../route.ts";

export const vmRoutes = {
  ...json("listVms", ({ machines }) => Promise.all(machines.all().map(machines.view))),
  ...json("showVm", ({ machines }, { name }) => machines.view(machines.find(name))),
  ...json("portsVm", ({ machines }, { name }) => machines.ports(name)),
  ...json("renameVm", async ({ machines }, { name, body }) => machines.view(await machines.rename(name, body.name))),
  ...json("noteSyncedPaths", ({ machines }, { name, body }) => machines.view(machines.noteSynced(name, body))),
  ...json("deleteVm", async ({ machines }, { name }) => {
    const { id, name: deleted } = await machines.delete(name);
    return { id, name: deleted };
  }),

  /** With `hold` the answer stays open after its result; the VM is deleted when the connection closes. */
  ...special("createVm", async ({ machines, log }, { body, exchange, use }) => {
    const { start, wait = "services", cold = false, hold: isEphemeral = false, purpose, ...request } = body;
    if (purpose !== undefined) use.describe(oneLine(purpose));
    const events = new EventStream(exchange, log);
    try {
      const { vm, hold } = await machines.create(
        { ...request, ephemeral: isEphemeral, holder: exchange.peer.pid },
        start ? { wait, cold } : null,
        events.emit,
        exchange.signal,
      );
      events.result(await machines.view(vm));
      if (hold) {
        if (purpose === undefined)
          use.describe(`VM "${vm.name}", which is deleted when its command ends`, { isHold: true });
        await whenAborted(exchange.signal);
        hold.end();
      }
    } catch (error) {
      events.error(error);
    }
    await events.end();
  }),

  /** Takes a new hold of an ephemeral VM, after the daemon's restart. */
  ...special("holdVm", async ({ machines, log }, { name, exchange }) => {
    const vm = machines.find(name);
    const hold = machines.hold(name, exchange.peer.pid);
    const events = new EventStream(exchange, log);
    try {
      events.result(await machines.view(vm));
      await whenAborted(exchange.signal);
    } finally {
      hold.end();
    }
  }),
};
