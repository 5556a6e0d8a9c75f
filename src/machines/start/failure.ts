/** The state of a VM after a failed start. */
import { type BangerError, fail, toBangerError } from "../../base/errors/error.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { VmExit } from "../../vmm/driver.ts";
import { agentComplaint, consoleTail } from "../guest/console.ts";
import { discard } from "../guest/discard.ts";
import { freshVm } from "../guest/state.ts";
import { type Ending, endingOf, writeEnding } from "./clean-up.ts";
import type { StartContext } from "./context.ts";
import { putDiskBack } from "./kept-disk.ts";
import { requireSuspendedFiles } from "./same-disk.ts";
import type { BegunStart } from "./start.ts";

/** The VMM ended before the agent served. */
export class EndedEarly extends Error {
  readonly exit: VmExit;
  constructor(exit: VmExit) {
    super(`ended early: ${exit.kind}`);
    this.exit = exit;
  }
}

export type StartFailure = { error: unknown; signal: AbortSignal };

/** Ends its processes, writes the VM's state, and returns the error to throw. */
export async function failedStart(
  ctx: StartContext,
  { vm, live, change }: Pick<BegunStart, "vm" | "live" | "change">,
  failure: StartFailure,
): Promise<BangerError> {
  await ctx.unlessReleased();
  await live?.vm.kill();
  change.step("undo");
  // it was given up for a boot
  if (vm.suspended && !freshVm(ctx, vm).suspended) await discard(ctx, ctx.paths.suspended(vm.id).directory);
  if (failure.signal.aborted || !live) {
    const reason = failure.signal.aborted ? "the start was cancelled" : "the start could not be prepared";
    const state = freshVm(ctx, vm).suspended ? "suspended" : "stopped";
    await writeEnding(ctx, vm, { state, reason, failed: false }, change);
    if (failure.signal.aborted) return fail("VM_CANCELLED", { name: vm.name, during: "starting" }, failure.error);
    return toBangerError(failure.error);
  }
  const ending = await earlyEnding(ctx, vm, failure.error);
  // a VM whose guest never answered is kept, so that its console can be read
  ctx.store.vms.change(vm.id, { ephemeral: false });
  if (freshVm(ctx, vm).suspended) return await failedWake(ctx, { vm, change }, ending, failure);
  await writeEnding(ctx, vm, ending, change);
  return fail("VM_BOOT_FAILED", { name: vm.name, reason: ending.reason }, failure.error);
}

/** It stays suspended, so that it can be woken again, or booted from its disk if the guest has changed that. */
async function failedWake(
  ctx: StartContext,
  { vm, change }: Pick<BegunStart, "vm" | "change">,
  { reason }: Ending,
  { error }: StartFailure,
): Promise<BangerError> {
  const now = await putDiskBack(ctx, freshVm(ctx, vm));
  const canWake = await requireSuspendedFiles(ctx, now).then(
    () => true,
    () => false,
  );
  await writeEnding(ctx, vm, { state: "suspended", reason: `it could not be woken: ${reason}`, failed: false }, change);
  return fail("VM_WAKE_FAILED", { name: vm.name, reason, canWake }, error);
}

async function earlyEnding(ctx: StartContext, vm: VmRecord, error: unknown): Promise<Ending> {
  if (!(error instanceof EndedEarly)) return { state: "failed", reason: toBangerError(error).message, failed: true };
  const ending = endingOf(error.exit);
  if (ending.failed) return ending;
  const complaint = agentComplaint(await consoleTail(ctx, vm.id));
  const reason = complaint ?? `${ending.reason} before its agent answered`;
  return { state: "failed", reason, failed: true };
}
