/** Commands that are run for what they leave in a guest, not for what they print. */
import { orAborted } from "../../base/async.ts";
import { integerOf } from "../../base/foreign.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import type { GuestContext } from "./context.ts";
import { withLimit } from "./within.ts";

/** of a command whose end the guest does not tell in a way that is known; one that a signal ended, for example */
const unknownStatus = 255;

/** Its status; null for one that does not run, or not to its end in time. @throws the signal's reason */
export async function runOnce(
  ctx: GuestContext,
  client: AgentClient,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<number | null> {
  const stream = await client
    .open("exec", { argv, user: "root" }, { signal, timeoutMs: ctx.timings.servicesMs })
    .catch(() => null);
  signal.throwIfAborted();
  if (!stream) return null;
  let status: number | null = null;
  stream.onData(() => {});
  stream.onEvent((event) => {
    if (event["event"] === "exit") status = integerOf(event["code"], 0, 255) ?? unknownStatus;
  });
  stream.eof(0);
  const late = () => new Error("late");
  try {
    await orAborted(withLimit(ctx, stream.closed, ctx.timings.servicesMs, late), signal);
  } catch {
    signal.throwIfAborted();
  } finally {
    stream.close();
  }
  return status;
}
