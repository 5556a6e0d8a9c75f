/** From a VMM that runs to an agent that serves: connect, tell the guest who it is, wait until it is up. */
import { Deferred } from "../base/async.ts";
import { fail } from "../base/errors/error.ts";
import type { VmRecord } from "../model/vm.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import type { Context } from "./context.ts";
import type { GuestInheritance } from "./deps.ts";
import { composeIdentity } from "./identity.ts";
import type { LiveVm } from "./live.ts";

/** @throws AGENT_UNREACHABLE, AGENT_REFUSED */
export async function greet(
  ctx: Context,
  live: LiveVm,
  vm: VmRecord,
  inherited: GuestInheritance,
): Promise<AgentClient> {
  const up = new Deferred<void>();
  const stopListening = live.session.onNotice((notice) => {
    if (notice["notice"] === "up") up.resolve();
  });
  try {
    const client = await live.session.client(ctx.timings.agentMs);
    if (client.hello?.phase === "up") return client;
    await sendIdentity(client, await composeIdentity(ctx, vm, inherited));
    const lost = client.closed.then((error) => {
      throw fail("AGENT_UNREACHABLE", { name: vm.name, reason: error?.message ?? "it closed its line" });
    });
    await Promise.race([up.promise, lost]);
    return client;
  } finally {
    stopListening();
  }
}

/** @throws AGENT_REFUSED */
export async function sendIdentity(client: AgentClient, identity: object): Promise<void> {
  const stream = await client.open("identity", { ...identity });
  stream.close();
}
