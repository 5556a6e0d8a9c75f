/**
 * Ports of the host that a running VM may reach (`--allow-host`): its agent listens at a loopback address of the guest, and the daemon connects
 * each connection there to the same port of the host's 127.0.0.1. Nothing else of the host is reached by it, as the port is the listener's.
 */
import { orAborted, pause } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { isError, toBangerError } from "../../base/errors/error.ts";
import type { VmId } from "../../base/names.ts";
import { hostAddress } from "../../model/host-ports.ts";
import type { VmRecord } from "../../model/vm.ts";
import { joinConnection } from "../../network/ports/connection.ts";
import { type Arrival, listenInGuest } from "../../wire/agent/listen.ts";
import { requireLive } from "../guest/live.ts";
import type { LifeContext } from "./context.ts";
import { beginUse } from "./idle.ts";

/** Connects to a port of this host's 127.0.0.1. @throws the system's error */
export type DialHost = (port: number) => Promise<ByteStream>;

/** connections of one VM to the host at a time; the agent has 256 streams for all purposes */
const maxConnections = 64;
/** Until a listener that was lost, or could not be had, is tried again, in `ms`. */
const pauseMs = { lost: 1_000, refused: 5_000 };

/** Of one VM, as this daemon holds it. */
export type HostPorts = {
  over: AbortController;
  /** the guest has been asked once for each of them */
  tried: Promise<unknown>;
};

/** Of a VM that runs; does nothing for one that has them already. Resolves when the guest was asked for each port. */
export async function watchHostPorts(ctx: LifeContext, vm: VmRecord): Promise<void> {
  const ports = vm.spec.allowHost ?? [];
  if (ports.length === 0 || !ctx.live.has(vm.id)) return;
  const known = ctx.hostPorts.get(vm.id);
  if (known) return void (await known.tried);
  const over = new AbortController();
  const tried = ports.map(() => Promise.withResolvers<void>());
  const of: HostPorts = { over, tried: Promise.all(tried.map(({ promise }) => promise)) };
  ctx.hostPorts.set(vm.id, of);
  const counted = { connections: 0 };
  for (const [at, port] of ports.entries()) {
    const keeping = keep(ctx, vm, port, over.signal, counted, () => tried[at]?.resolve());
    keeping.catch((error: unknown) => ctx.log.error("a port of the host is lost", { port, error: String(error) }));
  }
  await of.tried;
}

/** The VM's VMM has ended, or this daemon does. */
export function closeHostPorts(ctx: LifeContext, id: VmId): void {
  const of = ctx.hostPorts.get(id);
  ctx.hostPorts.delete(id);
  of?.over.abort();
}

/** Until `signal` is aborted, or the guest's agent can't listen. @param tried called after the first try */
async function keep(
  ctx: LifeContext,
  vm: VmRecord,
  port: number,
  signal: AbortSignal,
  counted: { connections: number },
  tried: () => void,
): Promise<void> {
  let problem: string | null = null;
  while (!signal.aborted) {
    let waitMs = pauseMs.lost;
    try {
      const client = await orAborted(requireLive(ctx, vm).session.client(ctx.timings.reconnectMs), signal);
      const listener = await listenInGuest(client, { host: hostAddress, port }, (arrival) => {
        serve(ctx, vm.id, port, counted, arrival);
      });
      problem = null;
      tried();
      const close = () => listener.close();
      signal.addEventListener("abort", close, { once: true });
      if (signal.aborted) close();
      await listener.closed.finally(() => signal.removeEventListener("abort", close));
    } catch (error) {
      tried();
      if (signal.aborted) return;
      const reason = toBangerError(error).message;
      const isRefused = isError(error, "AGENT_REFUSED");
      if (isRefused && reason !== problem)
        ctx.log.warn("a VM can't reach a port of the host", { vm: vm.name, port, reason });
      if (isRefused) [problem, waitMs] = [reason, pauseMs.refused];
      if (isRefused && error.details["code"] === "unsupported") return;
    }
    await pause(ctx.after, waitMs, signal);
  }
  tried();
}

/** Connects a guest's connection; who can't be connected gets an end at once. */
function serve(ctx: LifeContext, id: VmId, port: number, counted: { connections: number }, arrival: Arrival): void {
  if (counted.connections >= maxConnections) return arrival.refuse();
  counted.connections += 1;
  const use = beginUse(ctx, id);
  const joined = ctx.dialHost(port).then(
    (host) => joinConnection(host, () => arrival.accept()),
    () => arrival.refuse(),
  );
  void joined.finally(() => {
    counted.connections -= 1;
    use.end();
  });
}
