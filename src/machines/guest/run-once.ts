/** Commands that are run for their effect in a guest, not for their output. */
import { orAborted } from "../../base/async.ts";
import { integerOf } from "../../base/untrusted-json.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import type { GuestContext } from "./context.ts";
import { withLimit } from "./within.ts";

/** when the guest reports no valid status, as for a command that a signal ended */
const unknownStatus = 255;

/** The exit status; null if it does not start or does not end in time. @throws the signal's reason */
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
