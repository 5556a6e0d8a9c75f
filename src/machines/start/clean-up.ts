/** Cleaning up after a VMM has ended, and the state that its end leaves the VM in. */
import type { VmFailure, VmRecord, VmState } from "../../model/vm.ts";
import type { OpenChange } from "../../store/journal.ts";
import type { VmExit } from "../../vmm/driver.ts";
import { consoleTail, logTail } from "../guest/console.ts";
import { attempt, discard } from "../guest/discard.ts";
import { removeLive } from "../guest/live.ts";
import { emitState } from "../guest/state.ts";
import type { StartContext } from "./context.ts";

export type Ending = {
  state: VmState;
  reason: string;
  failed: boolean /** it was the VMM that failed */;
  byVmm?: true;
};

/** A guest's own poweroff, halt or reboot is not a failure. */
export function endingOf(exit: VmExit): Ending {
  switch (exit.kind) {
    case "poweroff":
      return { state: "stopped", reason: "the guest powered off", failed: false };
    case "halt":
      return { state: "stopped", reason: "the guest halted", failed: false };
    case "reboot":
      return { state: "stopped", reason: "the guest rebooted", failed: false };
    case "killed":
      return { state: "stopped", reason: "power was cut", failed: false };
    case "panic":
      return { state: "failed", reason: panicReason(exit.reason), failed: true };
    case "vmm-died":
      return { state: "failed", reason: `the VMM died: ${exit.reason}`, failed: true, byVmm: true };
  }
}

function panicReason(reason: string): string {
  return reason === "out of memory" ? "the guest's kernel ran out of memory" : `the guest's kernel panicked: ${reason}`;
}

/** Removes what a VMM needed while it ran: its network, sockets, and this daemon's record of it. */
export async function cleanUp(ctx: StartContext, vm: Pick<VmRecord, "id">): Promise<void> {
  ctx.closePorts(vm.id);
  const live = ctx.live.get(vm.id);
  if (live) removeLive(ctx, live);
  const files = ctx.paths.vm(vm.id);
  await ctx.network.stop(ctx.store.processes.network(vm.id), files);
  // a socket that stays does no harm: the next start removes it, or fails with the reason
  const cleaned = attempt(ctx, `cleaning ${files.directory}`, () => ctx.drivers.clean(files.directory));
  await Promise.all([cleaned, discard(ctx, files.net)]);
}

async function failureOf(ctx: StartContext, { id }: VmRecord, { reason, byVmm }: Ending): Promise<VmFailure> {
  const [console, log] = await Promise.all([consoleTail(ctx, id), byVmm ? logTail(ctx, id) : []]);
  return { reason, console, ...(log.length > 0 && { log }) };
}

/** Cleans up and writes the ending; ends `change` in the same transaction. */
export async function writeEnding(ctx: StartContext, vm: VmRecord, ending: Ending, change?: OpenChange): Promise<void> {
  const failure = ending.failed ? await failureOf(ctx, vm, ending) : null;
  await cleanUp(ctx, vm);
  ctx.store.transaction(() => {
    ctx.store.processes.clear(vm.id);
    ctx.store.vms.change(vm.id, { state: ending.state, failure, startedAt: null });
    change?.end();
  });
  emitState(ctx, vm.id, ending.reason);
}
