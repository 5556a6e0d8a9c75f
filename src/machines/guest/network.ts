/** Which network a VM gets: one that its VMM supports and this host can provide. */
import type { NetworkSpec } from "../../model/network.ts";
import type { VmPaths } from "../../model/paths.ts";
import type { NetDevice } from "../../vmm/driver.ts";
import type { GuestContext } from "./context.ts";
import type { PreparedNetwork } from "./host.ts";
import { usableVmm } from "./usable-vmm.ts";

type Ctx = Pick<GuestContext, "driver" | "network">;

/** Null for a VM without one. @throws NETWORK_FAILED when there can be none */
export async function networkKind(ctx: Ctx, { kind, deny }: NetworkSpec): Promise<NetDevice["kind"] | null> {
  return kind === "user" ? ctx.network.kind(deny, await accepted(ctx)) : null;
}

/** Null for a VM without one; a failure leaves no process behind. @throws NETWORK_FAILED */
export async function makeNetwork(
  ctx: Ctx,
  { kind, deny }: NetworkSpec,
  files: VmPaths,
): Promise<PreparedNetwork | null> {
  return kind === "user" ? ctx.network.prepare(files, deny, await accepted(ctx)) : null;
}

async function accepted(ctx: Ctx): Promise<readonly NetDevice["kind"][]> {
  return (await usableVmm(ctx)).features.netDevices;
}
