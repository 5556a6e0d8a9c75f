/** VMs as the API shows them. */
import type { VmRecord, VmView } from "../../model/vm.ts";
import type { LifeContext } from "./context.ts";

export async function viewVm(ctx: LifeContext, vm: VmRecord): Promise<VmView> {
  const runs = ctx.store.processes.vmm(vm.id);
  return {
    ...vm,
    diskUsed: await ctx.files.usedBytes(ctx.paths.vm(vm.id).directory).catch(() => 0),
    address:
      runs && vm.spec.network.kind !== "none" ? (ctx.store.identities.of(vm.id)?.network?.address ?? null) : null,
    pid: runs?.process.pid ?? null,
  };
}
