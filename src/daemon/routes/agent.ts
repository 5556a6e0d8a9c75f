/** The door into a running VM: the connection becomes agent frames, joined to the VM's session. */
import { fail } from "../../base/errors/error.ts";
import type { Handler } from "../daemon.ts";

export const agentProtocol = "banger-agent/1";

export const agentVm: Handler = async ({ machines, relay, log }, exchange, name) => {
  if (exchange.header("upgrade") !== agentProtocol) {
    throw fail("REQUEST_INVALID", { problems: [`ask for Upgrade: ${agentProtocol}`] });
  }
  const { client, end } = await machines.session(name);
  try {
    if (exchange.signal.aborted) return;
    const line = exchange.upgrade(agentProtocol);
    if (!line) throw fail("REQUEST_INVALID", { problems: [`ask for Connection: Upgrade, Upgrade: ${agentProtocol}`] });
    await relay(line, client);
    log.debug("session over", { vm: name });
  } finally {
    end();
  }
};
