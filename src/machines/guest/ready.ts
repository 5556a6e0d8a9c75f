/** Waiting until a running VM is as ready as requested. */
import { orAborted } from "../../base/async.ts";
import { fail, isError, toBangerError } from "../../base/errors/error.ts";
import { textsOf } from "../../base/untrusted-json.ts";
import type { Emit } from "../../model/event.ts";
import type { WaitKind } from "../../model/vm.ts";
import type { VmExit } from "../../vmm/driver.ts";
import type { AgentClient, AgentStream } from "../../wire/agent/types.ts";
import type { GuestContext } from "./context.ts";
import type { LiveVm } from "./live.ts";
import { isOverWithin, withLimit } from "./within.ts";

/**
 * Returns when the image's services are up, or when waiting has become pointless: then it emits a note with the reason.
 * @throws VM_FAILED when the VM ends meanwhile, the signal's reason when aborted
 */
export async function waitReady(
  ctx: GuestContext,
  live: LiveVm,
  vm: { name: string },
  wait: WaitKind,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  if (wait === "agent" || live.servicesAreUp) return;
  const client = await live.session.client(ctx.timings.reconnectMs);
  const guest = { name: vm.name, client, exit: live.exit };
  try {
    await waitServices(ctx, guest, emit, signal);
  } catch (error) {
    if (signal.aborted || isError(error, "VM_FAILED")) throw error;
    const isLate = isError(error, "SERVICES_LATE");
    const text = toBangerError(error).message;
    const said = isLate ? `${text}, going on without` : `the guest's services can't be watched: ${text}`;
    emit({ kind: "note", level: "warn", text: said });
  }
}

/** limits of a guest's list of failed units: entries, and UTF-16 units of a name (systemd's own limit is 255 bytes) */
const maxUnits = 32;
const maxUnitName = 255;

export type WaitedGuest = { name: string; client: AgentClient; exit: Promise<VmExit> };

/**
 * Returns the units that failed when the image's init has started everything; emits a note with them.
 * @throws SERVICES_LATE, VM_FAILED when the VM ends meanwhile, AGENT_REFUSED, SESSION_LOST, the signal's reason
 */
export async function waitServices(
  ctx: GuestContext,
  { name, client, exit }: WaitedGuest,
  emit: Emit,
  signal: AbortSignal,
): Promise<string[]> {
  if (client.hello?.init === "none") return [];
  emit({ kind: "progress", step: "services", text: "waiting for the guest's services" });
  const ended = exit.then(({ kind }) => {
    throw fail("VM_FAILED", { name, reason: `it ended (${kind}) while its services were starting` });
  });
  ended.catch(() => {});
  let stream: AgentStream | undefined;
  const seconds = Math.round(ctx.timings.servicesMs / 1000);
  const answer = client.open("services", {}, { timeoutMs: ctx.timings.servicesMs }).then((opened) => {
    stream = opened;
    return opened.reply;
  });
  try {
    const late = () => fail("SERVICES_LATE", { seconds });
    const inTime = withLimit(ctx, answer, ctx.timings.servicesMs, late);
    const reply = await orAborted(Promise.race([inTime, ended]), signal);
    const failed = textsOf(reply["failed"], maxUnits, maxUnitName);
    if (failed.length > 0)
      emit({ kind: "note", level: "warn", text: `services that failed in the guest: ${failed.join(", ")}` });
    return failed;
  } catch (error) {
    // a lost agent is usually the first sign that its VM has ended
    if (!signal.aborted && !isError(error, "SERVICES_LATE") && !isError(error, "VM_FAILED"))
      await isOverWithin(ctx, ended, ctx.timings.endingMs);
    throw error;
  } finally {
    if (stream) stream.close();
    else
      void answer.then(
        () => stream?.close(),
        () => {},
      );
  }
}
