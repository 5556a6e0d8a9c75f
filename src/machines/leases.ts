/**
 * Leases: an ephemeral VM lives as long as someone holds it over an open connection. A lease can't outlive the daemon,
 * so after a restart its holder has `leaseGraceMs` to take it again before the VM is deleted.
 */
import { fail } from "../base/errors/error.ts";
import type { VmId } from "../base/names.ts";
import type { VmRecord } from "../model/vm.ts";
import type { Context } from "./context.ts";
import { deleteVm } from "./delete.ts";
import { preemptVm } from "./end-vmm.ts";

export type Lease = {
  /** The holder is gone: an ephemeral VM without another holder is deleted. Idempotent. */
  end(): void;
};

/** @throws VM_STATE when the VM is not ephemeral */
export function takeLease(ctx: Context, vm: VmRecord): Lease {
  if (!vm.ephemeral) {
    const next = "only VMs made with --rm are leased";
    throw fail("VM_STATE", { name: vm.name, state: "kept until it is deleted", action: "lease", next });
  }
  ctx.leases.set(vm.id, (ctx.leases.get(vm.id) ?? 0) + 1);
  let held = true;
  return {
    end() {
      if (!held) return;
      held = false;
      const others = (ctx.leases.get(vm.id) ?? 1) - 1;
      if (others > 0) return void ctx.leases.set(vm.id, others);
      ctx.leases.delete(vm.id);
      ctx.background(`deleting ${vm.name} after its session`, deleteUnleased(ctx, vm.id));
    },
  };
}

/** Gives the holders of ephemeral VMs that a former daemon left time to come back. */
export function startLeaseGrace(ctx: Context): void {
  for (const vm of ctx.store.vms.all().filter((one) => one.ephemeral)) {
    ctx.after(ctx.timings.leaseGraceMs, () => {
      ctx.background(`deleting ${vm.name}, which nobody holds`, deleteUnleased(ctx, vm.id));
    });
  }
}

async function deleteUnleased(ctx: Context, id: VmId): Promise<void> {
  const isLeft = () => ctx.store.vms.byId(id)?.ephemeral === true && !ctx.leases.has(id);
  if (!isLeft()) return;
  await preemptVm(ctx, id, "delete", async () => {
    const vm = ctx.store.vms.byId(id);
    if (vm && isLeft()) await deleteVm(ctx, vm);
  });
}
