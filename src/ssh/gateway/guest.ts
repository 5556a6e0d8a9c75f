/** What the gateway needs of a guest; client/ opens these streams through the daemon. */
import type { AgentListener, Arrival, ListenRequest } from "../../wire/agent/listen.ts";
import type { AgentStream, ExecRequest } from "../../wire/agent/types.ts";

/** Of a command: DATA 0 is its stdin, 1 and 2 are its output. It ends with the event `exit`. */
export type GuestCommand = Pick<AgentStream, "write" | "eof" | "event" | "onData" | "onEvent" | "closed" | "close">;

export type Guest = {
  /** @throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, AGENT_REFUSED, SESSION_LOST */
  command(request: ExecRequest): Promise<GuestCommand>;
  /** Connects to a port at an address or a name that the guest knows, or to a unix socket; DATA 0 both ways. @throws AGENT_REFUSED, SESSION_LOST */
  dial(to: { host: string; port: number } | { unix: string }): Promise<AgentStream>;
  /** A listener in the guest, and what comes to it. It outlives the daemon. @throws AGENT_REFUSED, SESSION_LOST */
  listen(request: ListenRequest, onArrival: (arrival: Arrival) => void): Promise<AgentListener>;
};
