/** Listeners in the guest, and the connections to them: the verbs `listen` and `accept`. */
import { integerOf, textOf } from "../../base/untrusted-json.ts";
import type { AgentClient, AgentStream, Json } from "./types.ts";

/**
 * At a port (0: a free one), at a unix socket in a folder that `user` alone can enter (`name`: 16 hexadecimal digits, with which it has the same path
 * again), or at a path. `user` is `root` unless it is named.
 */
export type ListenRequest = ({ host: string; port: number } | { unix: true; name?: string } | { unix: string }) & {
  user?: string;
};

/** A connection that waits for `accept`; from a unix socket without an address and with port 0. */
export type Incoming = { id: number; address: string; port: number };

/** What is done with a connection; one of the two has to be called within 30 s. */
export type Arrival = Incoming & {
  /** DATA 0 both ways. @throws AGENT_REFUSED when its client has gone, SESSION_LOST */
  accept(): Promise<AgentStream>;
  refuse(): void;
};

export type AgentListener = {
  /** 0 of a unix socket */
  port: number;
  /** in the guest, of a unix socket; else empty */
  path: string;
  /** as a stream's: rejects when the session is lost */
  closed: Promise<void>;
  /** Ends the listener; connections that were accepted go on. */
  close(): void;
};

/** bytes in a path of a unix socket (unix(7)) */
const maxPath = 107;

/** @throws AGENT_REFUSED (`busy` when the port or path is taken), SESSION_LOST */
export async function listenInGuest(
  agent: Pick<AgentClient, "open">,
  request: ListenRequest,
  onArrival: (arrival: Arrival) => void,
): Promise<AgentListener> {
  const stream = await agent.open("listen", request);
  stream.onEvent((event) => {
    const incoming = incomingOf(event);
    if (incoming === null) return;
    const { id } = incoming;
    const refuse = () => stream.event({ event: "refuse", id });
    onArrival({ ...incoming, accept: () => agent.open("accept", { id }), refuse });
  });
  return {
    port: integerOf(stream.reply["port"], 0, 65_535) ?? 0,
    path: textOf(stream.reply["path"], maxPath) ?? "",
    closed: stream.closed,
    close: () => stream.close(),
  };
}

/** Reads an event of `listen`; null: it is no connection. */
export function incomingOf(event: Json): Incoming | null {
  const id = integerOf(event["id"], 0, Number.MAX_SAFE_INTEGER);
  if (event["event"] !== "connection" || id === null) return null;
  return { id, address: textOf(event["address"], 45) ?? "", port: integerOf(event["port"], 0, 65_535) ?? 0 };
}
