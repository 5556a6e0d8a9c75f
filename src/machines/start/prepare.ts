/** Everything that a boot needs, made concurrently. */
import type { ImageRecord } from "../../model/artifact.ts";
import type { Emit } from "../../model/event.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { GuestInheritance, PreparedNetwork } from "../guest/host.ts";
import { makeNetwork } from "../guest/network.ts";
import type { UsableProbe } from "../guest/usable-vmm.ts";
import { prepareArtifacts, type ReadyArtifacts } from "../images/artifacts.ts";
import { verifyArtifacts } from "../images/content-problem.ts";
import type { StartContext } from "./context.ts";

export type Prepared = {
  image: ImageRecord;
  initramfs: string;
  net: PreparedNetwork | null;
  inherited: GuestInheritance;
};

export type Preparing = {
  probe: UsableProbe;
  /** if they are ready already */
  artifacts: ReadyArtifacts | null;
  /** the kernel's first instruction comes from its file: what is booted is read before */
  isCold: boolean;
};

export async function prepareBoot(
  ctx: StartContext,
  vm: VmRecord,
  emit: Emit,
  { probe, artifacts, isCold }: Preparing,
): Promise<Prepared> {
  const work = [ready(ctx, vm, isCold, artifacts), prepareNetwork(ctx, vm, probe, emit), ctx.inheritance()] as const;
  // wait for all, even if one fails: nothing may still be made during the clean-up
  await Promise.allSettled(work);
  const [{ image, initramfs }, net, inherited] = await Promise.all(work);
  for (const text of inherited.notes) emit({ kind: "note", level: "warn", text });
  return { image, initramfs, net, inherited };
}

async function ready(
  ctx: StartContext,
  { spec }: VmRecord,
  isCold: boolean,
  known: ReadyArtifacts | null,
): Promise<ReadyArtifacts> {
  const artifacts = known ?? (await prepareArtifacts(ctx, spec));
  if (isCold) await verifyArtifacts(ctx, artifacts);
  return artifacts;
}

async function prepareNetwork(
  ctx: StartContext,
  vm: VmRecord,
  probe: UsableProbe,
  emit: Emit,
): Promise<PreparedNetwork | null> {
  const net = await makeNetwork(ctx, vm.spec, probe, ctx.paths.vm(vm.id));
  if (!net) return null;
  noteNetwork(ctx, vm, net);
  if (net.note) emit({ kind: "note", level: "warn", text: net.note });
  return net;
}

/** Records its process for the next daemon, and its addresses for the guest's identity. */
export function noteNetwork(ctx: StartContext, vm: Pick<VmRecord, "id">, net: PreparedNetwork): void {
  ctx.store.transaction(() => {
    if (net.process) ctx.store.processes.setNetwork(vm.id, net.process);
    ctx.store.identities.setNetwork(vm.id, net.identity);
  });
  ctx.namesChanged();
}
