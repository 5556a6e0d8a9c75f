/** Upgrades a connection to agent frames and joins it to a running VM's session. */
import { fail } from "../../base/errors/error.ts";
import type { Machines } from "../../machines/machines.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { Notices } from "../../wire/agent/relay.ts";
import { special } from "../route.ts";

const agentProtocol = "banger-agent/1";

export const agentRoutes = special("agentVm", async ({ machines, relay, log }, { exchange, name, use }) => {
  if (exchange.header("upgrade") !== agentProtocol) {
    throw fail("REQUEST_INVALID", { problems: [`ask for Upgrade: ${agentProtocol}`] });
  }
  const { vm, client, end } = await machines.session(name, { wakes: exchange.query.get("wake") !== "0" });
  try {
    if (exchange.signal.aborted) return;
    const line = exchange.upgrade(agentProtocol);
    if (!line) throw fail("REQUEST_INVALID", { problems: [`ask for Connection: Upgrade, Upgrade: ${agentProtocol}`] });
    await relay(line, client, { notices: vmNotices(machines, vm), onResumable: use.resumable });
    log.debug("session over", { vm: name });
  } finally {
    end();
  }
});

/** What listens in the guest, and, as a client of a paused VM sees nothing, that the VMM pauses it. */
function vmNotices(machines: Machines, { id, name }: VmRecord): Notices {
  return (tell) => {
    let isTold = false;
    const ofPorts = machines.subscribePorts(({ id: of, port, isAnnounced }) => {
      const { guestPort, address, hostPort, problem } = port;
      if (of === id && isAnnounced) tell({ notice: "port", guestPort, address, hostPort, problem });
    });
    const ofState = machines.subscribe(({ id: of, state, reason, trouble }) => {
      if (of !== id || reason === "") return;
      if (trouble) return tell({ notice: "vm", state, text: reason });
      if (state !== "paused" && !(isTold && state === "running")) return;
      isTold = state === "paused";
      const next = isTold ? machines.find(name).pausedBy?.next : undefined;
      tell({ notice: "vm", state, text: next ? `${reason}; ${next}` : reason });
    });
    return () => {
      ofPorts();
      ofState();
    };
  };
}
