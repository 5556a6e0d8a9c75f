/** Giving a VM another name; a running guest is told its new host name. */
import { fail } from "../base/errors/error.ts";
import type { VmName } from "../base/names.ts";
import type { VmRecord } from "../model/vm.ts";
import { askGuest } from "./ask-guest.ts";
import type { Context } from "./context.ts";
import { sendIdentity } from "./greet.ts";
import { freshVm, tell } from "./state.ts";

/** The caller holds the VM's operation. @throws VM_NAME_TAKEN */
export async function renameVm(ctx: Context, vm: VmRecord, name: VmName): Promise<VmRecord> {
  if (!ctx.store.vms.change(vm.id, { name })) throw fail("VM_NAME_TAKEN", { name });
  const renamed = freshVm(ctx, vm);
  tell(ctx, vm.id, `renamed from ${vm.name}`);
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
