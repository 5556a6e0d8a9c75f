/**
 * A warm guest does once what it will do as a VM: apply an identity and start a program. An emulator has translated that code
 * then, and the guest's pages are its own.
 */
import { orAborted } from "../../base/async.ts";
import { toBangerError } from "../../base/errors/error.ts";
import type { GuestNetwork } from "../../model/network.ts";
import type { VmSpec } from "../../model/vm.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import type { GuestContext } from "./context.ts";
import { sendIdentity } from "./identify.ts";
import { rehearsedIdentity } from "./identity.ts";
import { runOnce } from "./run-once.ts";

export type Rehearsal = {
  client: AgentClient;
  spec: VmSpec;
  network: GuestNetwork | null;
};

const commands = [["true"], ["sh", "-c", "true"]];

/** Never rejects: a warm VM is ready without it. @param hurry aborted when a VM waits for it */
export async function rehearse(ctx: GuestContext, rehearsal: Rehearsal, hurry: AbortSignal): Promise<void> {
  const late = new AbortController();
  const limitMs = ctx.timings.rehearsalMs;
  const cancel = ctx.after(limitMs, () => late.abort(new Error(`it took more than ${limitMs} ms`)));
  const signal = AbortSignal.any([hurry, late.signal]);
  try {
    await orAborted(act(ctx, rehearsal, signal), signal);
  } catch (error) {
    if (!hurry.aborted) ctx.log.info("a warm VM could not rehearse", { why: toBangerError(error).message });
  } finally {
    cancel();
  }
}

async function act(ctx: GuestContext, { client, spec, network }: Rehearsal, signal: AbortSignal): Promise<void> {
  const { config = null } = ctx.store.images.byDigest(spec.image.digest) ?? {};
  const generation = client.hello?.generation ?? 0;
  await sendIdentity(client, await rehearsedIdentity(ctx, { generation, network, config }), { signal });
  for (const argv of commands) {
    signal.throwIfAborted();
    await runOnce(ctx, client, argv, signal);
  }
}
