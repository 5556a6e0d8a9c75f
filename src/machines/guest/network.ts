/** Which network a VM gets: one that its VMM supports and this host can provide. */
import type { VmPaths } from "../../model/paths.ts";
import type { VmSpec } from "../../model/vm.ts";
import type { NetDevice } from "../../vmm/driver.ts";
import type { GuestContext } from "./context.ts";
import type { PreparedNetwork } from "./host.ts";
import type { UsableProbe } from "./usable-vmm.ts";

type Ctx = Pick<GuestContext, "network">;
type Spec = Pick<VmSpec, "network">;
type Vmm = Pick<UsableProbe, "features">;

/** Null for a VM without one. @throws NETWORK_FAILED when there can be none */
export async function networkKind(ctx: Ctx, spec: Spec, vmm: Vmm): Promise<NetDevice["kind"] | null> {
  const { kind, deny } = spec.network;
  return kind === "none" ? null : ctx.network.kind({ kind, deny }, vmm.features.netDevices);
}

/** Null for a VM without one; a failure leaves no process behind. @throws NETWORK_FAILED */
export async function makeNetwork(ctx: Ctx, spec: Spec, vmm: Vmm, files: VmPaths): Promise<PreparedNetwork | null> {
  const { kind, deny } = spec.network;
  return kind === "none" ? null : ctx.network.prepare(files, { kind, deny }, vmm.features.netDevices);
}
