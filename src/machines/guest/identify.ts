/** From a running VMM to an agent that serves: connect, send the guest its identity, wait until it is up. */
import { Deferred } from "../../base/async.ts";
import { fail } from "../../base/errors/error.ts";
import { textsOf } from "../../base/untrusted-json.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { AgentClient, IdentityReply, IdentityRequest, OpenOptions } from "../../wire/agent/types.ts";
import type { GuestContext } from "./context.ts";
import type { GuestInheritance } from "./host.ts";
import { composeIdentity } from "./identity.ts";
import type { LiveVm } from "./live.ts";
import type { AgentSession } from "./session.ts";

/** Resolves when the VM's guest has its identity. @param sameMachine as `composeIdentity` has it @throws AGENT_UNREACHABLE, AGENT_REFUSED */
export async function identify(
  ctx: GuestContext,
  live: LiveVm,
  vm: VmRecord,
  inherited: GuestInheritance,
  sameMachine = false,
): Promise<AgentClient> {
  return identifyGuest(ctx, live.session, await composeIdentity(ctx, vm, inherited, sameMachine), vm.name);
}

/** Does nothing for a guest that has this generation's identity already: an earlier daemon died after sending it. */
export async function identifyGuest(
  ctx: GuestContext,
  session: AgentSession,
  identity: IdentityRequest,
  name: string,
): Promise<AgentClient> {
  const up = new Deferred<void>();
  const stopListening = session.onNotice((notice) => {
    if (notice["notice"] === "up") up.resolve();
  });
  try {
    const client = await session.client(ctx.timings.agentMs);
    const { phase = "boot", generation = 0 } = client.hello ?? {};
    if (phase === "up" && generation >= identity.generation) return client;
    const { skipped = [] } = await sendIdentity(client, identity, { timeoutMs: ctx.timings.agentMs });
    if (skipped.length > 0)
      ctx.log.info("a guest could not apply all of its identity", { name, skipped: skipped.join("; ") });
    if (phase === "up") return client;
    const lost = client.closed.then((error) => {
      throw fail("AGENT_UNREACHABLE", { name, reason: error?.message ?? "it closed its connection" });
    });
    await Promise.race([up.promise, lost]);
    return client;
  } finally {
    stopListening();
  }
}

/** limits of a guest's list of skipped parts: entries, and UTF-16 units of each */
const maxSkipped = 32;
const maxSkippedText = 200;

/** @throws AGENT_REFUSED */
export async function sendIdentity(
  client: AgentClient,
  identity: IdentityRequest,
  options: OpenOptions,
): Promise<IdentityReply> {
  const stream = await client.open("identity", { ...identity }, options);
  stream.close();
  return { skipped: textsOf(stream.reply["skipped"], maxSkipped, maxSkippedText) };
}
