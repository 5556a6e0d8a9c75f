/** A listener in a guest that outlives the daemon: over the next daemon's session it listens again, at the same place. */
import { isError } from "../../base/errors/error.ts";
import { type AgentListener, type Arrival, type ListenRequest, listenInGuest } from "../../wire/agent/listen.ts";
import type { AgentClient } from "../../wire/agent/types.ts";

/**
 * @param current the session, opened again if it was lost; its rejection ends the listener
 * @throws AGENT_REFUSED, SESSION_LOST, what `current` throws
 */
export async function keepListening(
  current: () => Promise<AgentClient>,
  request: ListenRequest,
  onArrival: (arrival: Arrival) => void,
): Promise<AgentListener> {
  let isOver = false;
  let client = await current();
  let listener = await listenInGuest(client, request, onArrival);
  const { port, path } = listener;
  const again = "port" in request ? { ...request, port } : request;
  const follow = async (): Promise<void> => {
    for (;;) {
      try {
        return await listener.closed;
      } catch (error) {
        if (isOver) return;
        if (!isError(error, "SESSION_LOST")) throw error;
      }
      // until then it is still the current one
      await client.closed;
      client = await current();
      listener = await listenInGuest(client, again, onArrival);
      if (isOver) listener.close();
    }
  };
  const closed = follow();
  closed.catch(() => {});
  const close = () => {
    isOver = true;
    listener.close();
  };
  return { port, path, closed, close };
}
