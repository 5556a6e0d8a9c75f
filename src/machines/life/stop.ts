/** Stopping a running VM: the guest is asked first, and power is cut when it takes too long. */
import { toBangerError } from "../../base/errors/error.ts";
import type { Emit } from "../../model/event.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { OpenChange } from "../../store/journal.ts";
import type { VmExit } from "../../vmm/driver.ts";
import { askGuest } from "../guest/ask-guest.ts";
import { endVmm } from "../guest/end-vmm.ts";
import type { LiveVm } from "../guest/live.ts";
import { emitState } from "../guest/state.ts";
import { isOverWithin } from "../guest/within.ts";
import { type Ending, endingOf, writeEnding } from "../start/clean-up.ts";
import type { LifeContext } from "./context.ts";

/** The caller holds the VM's operation. @returns whether power was cut */
export async function stopVm(ctx: LifeContext, vm: VmRecord, graceMs: number, emit: Emit): Promise<boolean> {
  const change = beginStop(ctx, vm, "ask");
  return continueStop(ctx, vm, change, graceMs, emit);
}

/** The stop after its first journal step; also for one that another daemon began. */
export async function continueStop(
  ctx: LifeContext,
  vm: VmRecord,
  change: OpenChange,
  graceMs: number,
  emit: Emit,
): Promise<boolean> {
  const live = ctx.live.get(vm.id);
  let cut = false;
  let ending: Ending = { state: "stopped", reason: "stopped", failed: false };
  if (live) {
    emit({ kind: "progress", step: "stop", text: "asking the guest to power off" });
    ctx.background(`asking ${live.id} to power off`, askToPowerOff(ctx, live, guestGrace(graceMs)));
    cut = !(await isOverWithin(ctx, live.exit, graceMs));
    if (cut) {
      change.step("cut");
      await live.vm.kill();
      const seconds = Math.round(graceMs / 100) / 10;
      emit({ kind: "note", level: "warn", text: `"${vm.name}" did not power off within ${seconds} s: power was cut` });
      ending = { ...ending, reason: "power was cut after the grace period" };
    } else {
      ending = stopEnding(vm, await live.exit, emit);
    }
  }
  await writeEnding(ctx, vm, ending, change);
  return cut;
}

/** A kernel that panicked or a VMM that crashed did not power off: what the guest still had to write may be lost. */
function stopEnding({ name }: VmRecord, exit: VmExit, emit: Emit): Ending {
  const ending = endingOf(exit);
  if (!ending.failed) return { state: "stopped", reason: "stopped", failed: false };
  emit({ kind: "note", level: "warn", text: `"${name}" did not power off cleanly: ${ending.reason}` });
  return ending;
}

/** The grace of programs in the guest, in `ms`: the rest is for writing its disk. */
export function guestGrace(graceMs: number): number {
  return Math.floor(graceMs - Math.min(2000, graceMs / 4));
}

/** Cuts power at once; the caller holds the VM's operation. */
export async function killVm(ctx: LifeContext, vm: VmRecord): Promise<void> {
  const change = beginStop(ctx, vm, "cut");
  await endVmm(ctx, vm.id);
  await writeEnding(ctx, vm, { state: "stopped", reason: "power was cut", failed: false }, change);
}

function beginStop(ctx: LifeContext, vm: VmRecord, step: string): OpenChange {
  const change = ctx.store.transaction(() => {
    ctx.store.vms.change(vm.id, { state: "stopping" });
    return ctx.store.journal.begin("stop", vm.id, step);
  });
  emitState(ctx, vm.id, "");
  return change;
}

/** Through the agent, or by the power button if the agent can't. */
async function askToPowerOff(ctx: LifeContext, live: LiveVm, graceMs: number): Promise<void> {
  try {
    // a paused guest can't answer
    await live.vm.resume();
    const { session, id } = live;
    await askGuest(ctx, { session, name: id }, ctx.timings.powerOffMs, async (client, signal) =>
      (await client.open("poweroff", { mode: "poweroff", graceMs }, { signal })).close(),
    );
  } catch (error) {
    if (ctx.live.get(live.id) !== live) return;
    ctx.log.info("the agent can't power off, pressing the button", { id: live.id, why: toBangerError(error).message });
    await live.vm.powerdown();
  }
}
