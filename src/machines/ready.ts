/** Waiting until a running VM is as ready as was asked. */
import { orAborted, withTimeout } from "../base/async.ts";
import { fail, isError, toBangerError } from "../base/errors/error.ts";
import type { Emit } from "../model/event.ts";
import type { VmRecord, WaitKind } from "../model/vm.ts";
import type { AgentStream } from "../wire/agent/types.ts";
import type { Context } from "./context.ts";
import type { LiveVm } from "./live.ts";

/**
 * Returns when the image's services are up, or when waiting is no use any more: then a note says why.
 * @throws VM_FAILED when the VM ends meanwhile, the signal's reason when aborted
 */
export async function waitReady(
  ctx: Context,
  live: LiveVm,
  vm: VmRecord,
  wait: WaitKind,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  if (wait === "agent") return;
  const client = await live.session.client(ctx.timings.reconnectMs);
  if (client.hello?.init === "none") return;
  emit({ kind: "progress", step: "services", text: "waiting for the guest's services" });
  const ended = live.exit.then((exit) => {
    throw fail("VM_FAILED", { name: vm.name, reason: `it ended (${exit.kind}) while its services were starting` });
  });
  ended.catch(() => {});
  let stream: AgentStream | undefined;
  const seconds = Math.round(ctx.timings.servicesMs / 1000);
  const answer = client.open("services", {}).then((opened) => {
    stream = opened;
    return opened.reply;
  });
  try {
    const late = () => new TooSlow(`the guest's services are not up after ${seconds} s, going on without`);
    const reply = await orAborted(Promise.race([withTimeout(answer, ctx.timings.servicesMs, late), ended]), signal);
    const failed = Array.isArray(reply["failed"]) ? reply["failed"].filter((unit) => typeof unit === "string") : [];
    if (failed.length > 0)
      emit({ kind: "note", level: "warn", text: `services that failed in the guest: ${failed.join(", ")}` });
  } catch (error) {
    if (signal.aborted || isError(error, "VM_FAILED")) throw error;
    // an agent that is gone is mostly the first sign that its VM is
    if (!(error instanceof TooSlow)) await Promise.race([ended, shortly(ctx)]);
    const text =
      error instanceof TooSlow
        ? error.message
        : `the guest's services can't be watched: ${toBangerError(error).message}`;
    emit({ kind: "note", level: "warn", text });
  } finally {
    if (stream) stream.close();
    else void answer.then((late) => late.reply && stream?.close()).catch(() => {});
  }
}

function shortly(ctx: Context): Promise<void> {
  return new Promise((resolve) => void ctx.after(ctx.timings.endingMs, resolve));
}

class TooSlow extends Error {}
