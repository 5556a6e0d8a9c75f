/** Starting a VM: the fastest way first, the next one if that fails. The caller holds the VM's operation. */
import { isError, toBangerError } from "../../base/errors/error.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { OpenChange } from "../../store/journal.ts";
import { growGuest } from "../guest/grow.ts";
import type { LiveVm } from "../guest/live.ts";
import { emitState, freshVm } from "../guest/state.ts";
import { reportGaps } from "../templates/confinement.ts";
import { coldBoot } from "../templates/start-source.ts";
import { blameTemplate } from "../templates/templates.ts";
import { cleanUp } from "./clean-up.ts";
import type { StartContext } from "./context.ts";
import { failedStart } from "./failure.ts";
import { type Attempt, finishStart, launch, reachAgent } from "./launch.ts";
import { type BegunStart, probeOf, type Start } from "./start.ts";

/**
 * The VM is `running` afterwards and its agent serves. On failure before the guest's first instruction the VM is
 * what it was; after it, `failed` with reason and console, or still `suspended` if it was woken.
 * @throws what preparing threw, SAVE_VERSION, SAVE_DAMAGED, SAVE_OTHER_DEVICES, VM_BOOT_FAILED, VM_WAKE_FAILED, VM_CANCELLED
 */
export async function startVm(ctx: StartContext, asked: Start): Promise<LiveVm> {
  const start = beginStart(ctx, asked);
  let attempt: Attempt = start.warm ?? start.source;
  for (;;) {
    try {
      await ctx.openPorts(start.vm);
      await reportGaps(ctx, await probeOf(ctx, start), start.caller.emit);
      return await launch(ctx, start, attempt);
    } catch (error) {
      const next = await nextAttempt(ctx, start, attempt, error);
      if (next === null && attempt.kind === "warm") await attempt.vm.endProcesses();
      if (next === null) throw await failedStart(ctx, start, { error, signal: start.caller.signal });
      attempt = next;
    }
  }
}

/** Undoes an attempt and returns the next source. Null: the failure is the VM's own. */
async function nextAttempt(
  ctx: StartContext,
  start: BegunStart,
  attempt: Attempt,
  error: unknown,
): Promise<Attempt | null> {
  const { vm, change, caller } = start;
  const template = attempt.kind === "save" && isTemplates(start, error) ? attempt.template : null;
  if (caller.signal.aborted || isError(error, "PORT_UNAVAILABLE")) return null;
  if (attempt.kind !== "warm" && template === null) return null;
  await ctx.unlessReleased();
  const why = toBangerError(error).message;
  change.step("undo");
  await start.live?.vm.kill();
  if (attempt.kind === "warm") await attempt.vm.endProcesses();
  await cleanUp(ctx, vm);
  ctx.store.processes.clear(vm.id);
  Object.assign(start, { live: null, isRestoring: false, needsDisk: true });
  if (attempt.kind === "warm") {
    ctx.log.info("a warm VM could not be used", { vm: vm.name, why });
    return start.source;
  }
  if (attempt.kind === "save" && template) blameTemplate(ctx, template, attempt, error, caller.emit);
  start.templateFiles?.dispose();
  return coldBoot(`its template could not be restored: ${why}`);
}

/** Its files are gone, or something failed once they were loaded; a refusal by the guest is not their fault. */
function isTemplates({ isRestoring }: Start, error: unknown): boolean {
  if (isError(error, "AGENT_REFUSED") || isError(error, "DISK_FULL")) return false;
  return isRestoring || (error as { code?: unknown } | null)?.code === "ENOENT";
}

/** The VM is `starting`, of a new generation. */
function beginStart(ctx: StartContext, start: Start): BegunStart {
  const { id } = start.vm;
  const change = ctx.store.transaction(() => {
    const generation = freshVm(ctx, start.vm).generation + 1;
    ctx.store.vms.change(id, { state: "starting", generation, failure: null, startedAt: null, troubles: [] });
    ctx.store.processes.clear(id);
    return ctx.store.journal.begin("start", id, "prepare");
  });
  emitState(ctx, id, "");
  return { ...start, vm: freshVm(ctx, start.vm), change };
}

/** A start that another daemon began and whose VMM still runs: identify the guest and finish. */
export async function resumeStart(
  ctx: StartContext,
  vm: VmRecord,
  live: LiveVm,
  change: OpenChange,
  { sameMachine, signal }: { sameMachine: boolean; signal: AbortSignal },
): Promise<void> {
  try {
    // a restored one may not have begun to run
    await live.vm.resume();
    await reachAgent(ctx, vm, live, {
      inherited: await ctx.inheritance(),
      sameMachine,
      signal,
      limitMs: sameMachine ? ctx.timings.restoredAgentMs : ctx.timings.agentMs,
    });
    await growGuest(ctx, live, vm, 0);
  } catch (error) {
    throw await failedStart(ctx, { vm, live, change }, { error, signal });
  }
  finishStart(ctx, vm, change, "adopted while it started");
}
