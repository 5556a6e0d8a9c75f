/** One request to a guest's agent with one time limit for all of it: a guest may never answer. */
import { orAborted } from "../../base/async.ts";
import { fail } from "../../base/errors/error.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import type { GuestContext } from "./context.ts";
import type { AgentSession } from "./session.ts";

export type AskedGuest = { session: AgentSession /** of its VM, for messages */; name: string };

/**
 * @param ms for connecting and the answer together
 * @param ask must pass the signal to the streams that it opens
 * @throws AGENT_UNREACHABLE when there is no answer in time, what `ask` throws
 */
export async function askGuest<T>(
  ctx: Pick<GuestContext, "after" | "timings">,
  { session, name }: AskedGuest,
  ms: number,
  ask: (client: AgentClient, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const reason = `no answer within ${Math.round(ms / 100) / 10} s`;
  const cancel = ctx.after(ms, () => limit.abort(fail("AGENT_UNREACHABLE", { name, reason })));
  try {
    // at the limit connecting continues, for the next caller
    const client = await orAborted(session.client(ctx.timings.reconnectMs), limit.signal);
    return await orAborted(ask(client, limit.signal), limit.signal);
  } finally {
    cancel();
  }
}
