/**
 * Holds: an ephemeral VM lives as long as an API call keeps a hold on it. That call ends with the daemon, so the holder's process
 * is recorded as well: the next daemon keeps the VM until that process has ended, whether or not it takes a new hold. A VM
 * whose holder is unknown or gone is deleted after `holdGraceMs`.
 */
import { fail } from "../../base/errors/error.ts";
import type { VmId } from "../../base/names.ts";
import type { VmRecord } from "../../model/vm.ts";
import { preemptVm } from "../guest/end-vmm.ts";
import { deleteVm } from "../start/delete.ts";
import type { LifeContext } from "./context.ts";

export type Hold = {
  /** Ends the hold; with the last one the VM is deleted. Idempotent. */
  end(): void;
};

/** @param holder pid of the process that holds it @throws VM_STATE when the VM is not ephemeral */
export function takeHold(ctx: LifeContext, vm: VmRecord, holder?: number): Hold {
  if (!vm.ephemeral) {
    const next = "only VMs made with --rm can be held";
    throw fail("VM_STATE", { name: vm.name, state: "kept until it is deleted", action: "hold", next });
  }
  ctx.holds.set(vm.id, (ctx.holds.get(vm.id) ?? 0) + 1);
  const process = holder === undefined ? null : ctx.holders.refOf(holder);
  if (process) ctx.store.processes.setHolder(vm.id, process);
  let isOpen = true;
  return {
    end() {
      if (!isOpen) return;
      isOpen = false;
      const others = (ctx.holds.get(vm.id) ?? 1) - 1;
      if (others > 0) return void ctx.holds.set(vm.id, others);
      ctx.holds.delete(vm.id);
      ctx.background(`deleting ${vm.name} after its session`, deleteUnheld(ctx, vm.id));
    },
  };
}

/** Deletes each ephemeral VM of an earlier daemon once its holder has ended; returns at once. */
export function startHoldGrace(ctx: LifeContext): void {
  for (const vm of ctx.store.vms.all().filter((one) => one.ephemeral)) {
    const holder = ctx.store.processes.holder(vm.id);
    const gone = holder ? ctx.holders.ended(holder) : Promise.resolve();
    void gone.then(() =>
      ctx.after(ctx.timings.holdGraceMs, () => {
        ctx.background(`deleting ${vm.name}, which has no hold`, deleteUnheld(ctx, vm.id));
      }),
    );
  }
}

async function deleteUnheld(ctx: LifeContext, id: VmId): Promise<void> {
  const isLeft = () => ctx.store.vms.byId(id)?.ephemeral === true && !ctx.holds.has(id);
  if (!isLeft()) return;
  await preemptVm(ctx, id, "delete", async () => {
    const vm = ctx.store.vms.byId(id);
    if (vm && isLeft()) await deleteVm(ctx, vm);
  });
}
