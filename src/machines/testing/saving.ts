/** Common setup of tests of saved VMs: a host whose VMM can save. */
import type { VmRecord } from "../../model/vm.ts";
import type { MachinesDeps } from "../deps.ts";
import { type Host, newHost, recorder, startDaemon } from "./daemon.ts";
import type { WorldVm } from "./world.ts";

export const services = { wait: "services" } as const;
export const request = (name: string) => ({ name, ephemeral: false });

/** A host whose VMM can save. */
export function saving(): Host {
  const host = newHost();
  host.world.canSave = true;
  return host;
}

export async function setUp(host = saving(), changes: Partial<MachinesDeps> = {}) {
  const machines = await startDaemon(host, undefined, changes);
  const { events, emit, signal } = recorder();
  const run = async (name: string, options = services as { wait: "services"; cold?: boolean }) =>
    (await machines.create(request(name), options, emit, signal)).vm;
  const texts = () => events.flatMap((event) => ("text" in event ? [event.text] : []));
  return { host, world: host.world, machines, emit, signal, run, texts };
}

export function running({ world }: Pick<Host, "world">, vm: Pick<VmRecord, "id">): WorldVm {
  const found = world.vmOf(vm.id);
  if (!found) throw new Error("it does not run");
  return found;
}

/** Resolves when a VM gets into that state. */
export function state(machines: Awaited<ReturnType<typeof startDaemon>>, wanted: string): Promise<void> {
  return new Promise((resolve) => void machines.subscribe((event) => event.state === wanted && resolve()));
}
