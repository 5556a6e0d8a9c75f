/** A VM as the ssh gateway needs it: commands and connections in the guest, over one session that is opened again when its daemon was replaced. */
import type { Guest } from "../../ssh/gateway/guest.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import type { DaemonAccess } from "../dependencies.ts";
import { openCommand } from "./command-stream.ts";
import { keepListening } from "./guest-listener.ts";
import { reopenSession, type VmSession } from "./open.ts";

/**
 * Commands and listeners outlive the daemon: they go on through the next one.
 * @param session that is about to be open; what is asked of the guest waits for it. The caller ends the connection when it does not open
 */
export function sshGuest(daemon: DaemonAccess, session: Promise<VmSession>): Guest {
  const never = new AbortController().signal;
  const reopen = async (signal: AbortSignal) => reopenSession(daemon, await session, signal);
  let open: Promise<AgentClient> | null = null;
  const keep = (client: AgentClient) => {
    void client.closed.then(() => {
      open = null;
    });
    return client;
  };
  const current = () => {
    open ??= reopen(never).then(keep, (error: unknown) => {
      open = null;
      throw error;
    });
    return open;
  };
  const opened = Promise.withResolvers<AgentClient>();
  session.then(
    ({ client }) => opened.resolve(keep(client)),
    () => {},
  );
  open = opened.promise;
  return {
    command: async (request) => openCommand(await current(), request, { signal: never, reopen }),
    dial: async (to) => (await current()).open("dial", to),
    listen: (request, onArrival) => keepListening(current, request, onArrival),
  };
}
