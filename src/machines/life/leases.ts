/**
 * Leases: an ephemeral VM lives as long as someone holds it over an open connection. The connection ends with the daemon, so
 * the holder's process is recorded as well: the next daemon keeps the VM until that process has ended, whether or not it takes
 * the lease again. A VM whose holder is unknown or gone is deleted after `leaseGraceMs`.
 */
import { fail } from "../../base/errors/error.ts";
import type { VmId } from "../../base/names.ts";
import type { VmRecord } from "../../model/vm.ts";
import { preemptVm } from "../guest/end-vmm.ts";
import { deleteVm } from "../start/delete.ts";
import type { LifeContext } from "./context.ts";

export type Lease = {
  /** The holder is gone: an ephemeral VM without another holder is deleted. Idempotent. */
  end(): void;
};

/** @param holder pid of the process that holds it @throws VM_STATE when the VM is not ephemeral */
export function takeLease(ctx: LifeContext, vm: VmRecord, holder?: number): Lease {
  if (!vm.ephemeral) {
    const next = "only VMs made with --rm are leased";
    throw fail("VM_STATE", { name: vm.name, state: "kept until it is deleted", action: "lease", next });
  }
  ctx.leases.set(vm.id, (ctx.leases.get(vm.id) ?? 0) + 1);
  const process = holder === undefined ? null : ctx.holders.refOf(holder);
  if (process) ctx.store.processes.setHolder(vm.id, process);
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

/** Deletes the ephemeral VMs that a former daemon left once their holders are gone; never waits. */
export function startLeaseGrace(ctx: LifeContext): void {
  for (const vm of ctx.store.vms.all().filter((one) => one.ephemeral)) {
    const holder = ctx.store.processes.holder(vm.id);
    const gone = holder ? ctx.holders.ended(holder) : Promise.resolve();
    void gone.then(() =>
      ctx.after(ctx.timings.leaseGraceMs, () => {
        ctx.background(`deleting ${vm.name}, which nobody holds`, deleteUnleased(ctx, vm.id));
      }),
    );
  }
}

async function deleteUnleased(ctx: LifeContext, id: VmId): Promise<void> {
  const isLeft = () => ctx.store.vms.byId(id)?.ephemeral === true && !ctx.leases.has(id);
  if (!isLeft()) return;
  await preemptVm(ctx, id, "delete", async () => {
    const vm = ctx.store.vms.byId(id);
    if (vm && isLeft()) await deleteVm(ctx, vm);
  });
}
