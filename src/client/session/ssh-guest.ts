/** A VM as the ssh gateway needs it: commands and connections in the guest, over one session that is opened again when its daemon was replaced. */
import type { AgentClient, AgentStream, ExecRequest } from "../../wire/agent/types.ts";
import type { DaemonAccess } from "../dependencies.ts";
import { type CommandStream, openCommand } from "./command-stream.ts";
import { reopenSession, type VmSession } from "./open.ts";

export type SshGuest = {
  /** The command goes on through the next daemon when this one ends. @throws as `openCommand` */
  command(request: ExecRequest): Promise<CommandStream>;
  /** To an address or `localhost` in the guest, or to a unix socket. @throws AGENT_REFUSED, SESSION_LOST */
  dial(to: { host: string; port: number } | { unix: string }): Promise<AgentStream>;
};

export function sshGuest(daemon: DaemonAccess, session: VmSession): SshGuest {
  const never = new AbortController().signal;
  let open: Promise<AgentClient> | null = null;
  const keep = (client: AgentClient) => {
    void client.closed.then(() => {
      open = null;
    });
    return client;
  };
  const reopen = (signal: AbortSignal) => reopenSession(daemon, session, signal);
  const current = () => {
    open ??= reopen(never).then(keep, (error: unknown) => {
      open = null;
      throw error;
    });
    return open;
  };
  open = Promise.resolve(keep(session.client));
  return {
    command: async (request) => openCommand(await current(), request, { signal: never, reopen }),
    dial: async (to) => (await current()).open("dial", to),
  };
}
