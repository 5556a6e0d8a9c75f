/** Renaming a VM; a running guest gets its new host name. */
import { fail } from "../../base/errors/error.ts";
import type { VmName } from "../../base/names.ts";
import type { VmRecord } from "../../model/vm.ts";
import { askGuest } from "../guest/ask-guest.ts";
import { sendIdentity } from "../guest/identify.ts";
import { emitState, freshVm } from "../guest/state.ts";
import type { LifeContext } from "./context.ts";

/** The caller holds the VM's operation. @throws VM_NAME_TAKEN */
export async function renameVm(ctx: LifeContext, vm: VmRecord, name: VmName): Promise<VmRecord> {
  if (!ctx.store.vms.change(vm.id, { name })) throw fail("VM_NAME_TAKEN", { name });
  ctx.namesChanged();
  const renamed = freshVm(ctx, vm);
  emitState(ctx, vm.id, `renamed from ${vm.name}`);
  const live = ctx.live.get(vm.id);
  if (live && renamed.state === "running") {
    const { session } = live;
    const told = askGuest(ctx, { session, name }, ctx.timings.tellMs, (client, signal) =>
      sendIdentity(client, { generation: renamed.generation, hostname: name }, { signal }),
    );
    ctx.background(`telling ${name} its new name`, told);
  }
  return renamed;
}
