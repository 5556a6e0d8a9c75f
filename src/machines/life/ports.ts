/** The ports of running VMs on the host. They begin with a VM's start or adoption and end with its VMM. */
import { fail, toBangerError } from "../../base/errors/error.ts";
import type { VmId } from "../../base/names.ts";
import type { PortView } from "../../model/ports.ts";
import type { VmRecord } from "../../model/vm.ts";
import { VmPorts } from "../../network/ports/vm-ports.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import { requireLive } from "../guest/live.ts";
import type { LifeContext } from "./context.ts";
import { followListeners } from "./follow-listeners.ts";
import { beginUse } from "./idle.ts";

/**
 * From a VM's start to the first look at its listeners, in `ms`, if no session comes before: the guest's CPU belongs to its services, and a
 * short command ends without one.
 */
const firstLookMs = 500;
/** a connection in the guest */
const dialMs = 10_000;

/** Of one VM, as this daemon holds it. */
export type GuestPorts = {
  ports: VmPorts;
  /** its first session has begun */
  hasBegun: boolean;
  /** ends what follows its listeners; null: nothing does yet */
  following: AbortController | null;
};

/** Before a VM's start: its published ports are reserved. @throws PORT_UNAVAILABLE, with nothing of it left */
export async function openPorts(ctx: LifeContext, vm: VmRecord): Promise<void> {
  if (ctx.ports.has(vm.id)) return;
  const { ports } = addPorts(ctx, vm);
  const closed = (await ports.publish()).find(({ state }) => state !== "open");
  if (!closed) return;
  closePorts(ctx, vm.id);
  throw fail("PORT_UNAVAILABLE", { problem: closed.problem ?? "", port: closed.hostPort });
}

/** Of a VM that this daemon has found running, or woken: a published port that is taken meanwhile is tried again. */
export function watchPorts(ctx: LifeContext, vm: VmRecord): void {
  const known = ctx.ports.get(vm.id);
  if (known?.following || !ctx.live.has(vm.id)) return;
  const of = known ?? addPorts(ctx, vm);
  if (!known) ctx.background(`publishing ports of ${vm.name}`, of.ports.publish());
  if (vm.spec.forward === false) return;
  const following = new AbortController();
  of.following = following;
  ctx.after(firstLookMs, () => {
    if (of.following === following) follow(ctx, vm.id, of, null, following);
  });
}

/** A session of the VM begins: what listens before its first one is a service of its image, and not announced. */
export function beginPorts(ctx: LifeContext, id: VmId, client: AgentClient): void {
  const of = ctx.ports.get(id);
  if (!of?.following || of.hasBegun) return;
  of.hasBegun = true;
  of.following.abort();
  of.following = new AbortController();
  follow(ctx, id, of, client, of.following);
}

/** The VM's VMM has ended, or this daemon does. */
export function closePorts(ctx: LifeContext, id: VmId): void {
  const of = ctx.ports.get(id);
  ctx.ports.delete(id);
  of?.following?.abort();
  of?.ports.close();
}

/** Published ports of a VM that does not run are `closed`. */
export function viewPorts(ctx: LifeContext, vm: VmRecord): PortView[] {
  const of = ctx.ports.get(vm.id);
  if (of) return of.ports.views();
  const closed = { kind: "published", state: "closed", isService: false, problem: null } as const;
  return (vm.spec.publish ?? []).map((port) => ({ ...port, ...closed }));
}

function addPorts(ctx: LifeContext, vm: VmRecord): GuestPorts {
  const { id } = vm;
  const ports = new VmPorts(
    { address: vm.loopbackAddress, published: vm.spec.publish ?? [] },
    {
      listen: ctx.listen,
      use: () => beginUse(ctx, id),
      after: ctx.after,
      now: () => ctx.clock.monotonic(),
      changed: (port, isAnnounced) => emitPort(ctx, id, port, isAnnounced),
      dial: async (host, port, signal) => {
        const client = await requireLive(ctx, vm).session.client(ctx.timings.reconnectMs);
        return client.open("dial", { host, port }, { signal, timeoutMs: dialMs });
      },
    },
  );
  const of: GuestPorts = { ports, hasBegun: false, following: null };
  ctx.ports.set(id, of);
  return of;
}

function follow(
  ctx: LifeContext,
  id: VmId,
  { ports, hasBegun }: GuestPorts,
  client: AgentClient | null,
  { signal }: AbortController,
): void {
  const live = ctx.live.get(id);
  if (!live) return;
  const deps = {
    log: ctx.log,
    after: ctx.after,
    now: () => ctx.clock.monotonic(),
    client: () => live.session.client(ctx.timings.reconnectMs),
  };
  let isFirst = hasBegun;
  const following = followListeners(deps, client, signal, (listening) => {
    if (isFirst) ports.begin(listening);
    else ports.update(listening);
    isFirst = false;
  });
  following.catch((error: unknown) =>
    ctx.log.error("following listeners failed", { error: toBangerError(error).message }),
  );
}

function emitPort(ctx: LifeContext, id: VmId, port: PortView, isAnnounced: boolean): void {
  const name = ctx.store.vms.byId(id)?.name ?? id;
  const { guestPort, address, hostPort, state, problem } = port;
  if (problem !== null) ctx.log.warn("a port of a VM is not forwarded", { vm: name, guestPort, why: problem });
  ctx.portEvents.emit({ kind: "port", id, name, port, isAnnounced });
  ctx.log.debug("a port of a VM changed", { vm: name, guestPort, address, hostPort, state });
}
