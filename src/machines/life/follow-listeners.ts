/** Follows what a guest listens on, by its agent's `ports`. */
import { orAborted, pause } from "../../base/async.ts";
import { isError, toBangerError } from "../../base/errors/error.ts";
import type { Logger } from "../../host/log.ts";
import { type Listening, listeningOf } from "../../network/ports/listeners.ts";
import type { AgentClient, AgentStream } from "../../wire/agent/types.ts";

/** Events a second that an agent may send; it sends two at most, so a guest with more is something else. */
const maxEvents = 20;
/** Until a lost stream is opened again, in `ms`, and one whose guest sent too much. */
const pauseMs = { lost: 1_000, flooded: 60_000 };

export type FollowDeps = {
  log: Logger;
  now(): number;
  after(ms: number, run: () => void): () => void;
  /** The agent's session, connected if it isn't. */
  client(): Promise<AgentClient>;
};

/**
 * Until `signal` is aborted, or the agent has no such verb. Never rejects.
 * @param first the session to begin with: its request is sent before this returns
 * @param report gets the first report at once, and one at each change
 */
export async function followListeners(
  deps: FollowDeps,
  first: AgentClient | null,
  signal: AbortSignal,
  report: (listening: Listening) => void,
): Promise<void> {
  let next = first;
  while (!signal.aborted) {
    let waitMs = pauseMs.lost;
    try {
      const client = next ?? (await orAborted(deps.client(), signal));
      next = null;
      if ((await follow(deps, client, signal, report)) === "flooded") waitMs = pauseMs.flooded;
    } catch (error) {
      if (signal.aborted || isUnsupported(error)) return;
      deps.log.debug("a guest's listeners can't be followed", { why: toBangerError(error).message });
    }
    await pause(deps.after, waitMs, signal);
  }
}

async function follow(
  { now, log }: FollowDeps,
  client: AgentClient,
  signal: AbortSignal,
  report: (listening: Listening) => void,
): Promise<"over" | "flooded"> {
  const stream: AgentStream = await client.open("ports", {}, { signal });
  let isFlooded = false;
  let second = { since: now(), events: 0 };
  stream.onEvent((event) => {
    if (isFlooded || event["event"] !== "ports") return;
    if (now() - second.since >= 1000) second = { since: now(), events: 0 };
    second.events += 1;
    isFlooded = second.events > maxEvents;
    if (!isFlooded) return report(listeningOf(event));
    log.warn("a guest reports listeners too often, it is left alone for a while", { seconds: pauseMs.flooded / 1000 });
    stream.close();
  });
  const close = () => stream.close();
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  try {
    await stream.closed;
    return isFlooded ? "flooded" : "over";
  } finally {
    signal.removeEventListener("abort", close);
  }
}

function isUnsupported(error: unknown): boolean {
  return isError(error, "AGENT_REFUSED") && error.details["code"] === "unsupported";
}
