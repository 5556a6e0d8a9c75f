/** Starting a VM: the best way first, the next where it fails. The caller holds the VM's operation. */
import { isError, toBangerError } from "../base/errors/error.ts";
import type { VmRecord } from "../model/vm.ts";
import type { OpenChange } from "../store/journal.ts";
import { bring, finishStart, reachAgent } from "./bring.ts";
import { noteGaps } from "./confinement.ts";
import type { Context } from "./context.ts";
import { clearAway } from "./ended.ts";
import { growGuest } from "./grow.ts";
import type { LiveVm } from "./live.ts";
import { cold } from "./origin.ts";
import { Phases } from "./phases.ts";
import { failedStart } from "./start-failure.ts";
import type { Start, StartPlan, Way } from "./start-plan.ts";
import { freshVm, tell } from "./state.ts";
import { blameTemplate } from "./templates.ts";

/**
 * The VM is `running` afterwards and its agent serves. On failure before the guest's first instruction the VM is
 * what it was; after it, `failed` with reason and console.
 * @throws what preparing threw, SAVE_VERSION, SAVE_DAMAGED, SAVE_OTHER_DEVICES, VM_BOOT_FAILED, VM_CANCELLED
 */
export async function startVm(ctx: Context, stale: VmRecord, plan: StartPlan): Promise<LiveVm> {
  const start = beginStart(ctx, stale, plan);
  await noteGaps(ctx, plan.emit);
  let way: Way = plan.spare ?? { ...plan.origin, hasDisk: plan.hasDisk ?? plan.origin.kind === "cold" };
  for (;;) {
    try {
      return await bring(ctx, start, way, plan);
    } catch (error) {
      const { vm, change, live } = start;
      const next = await nextWay(ctx, start, way, plan, error);
      if (next === null && way.kind === "spare") await way.abandon();
      if (next === null) throw await failedStart(ctx, vm, live ?? undefined, change, { error, signal: plan.signal });
      way = next;
    }
  }
}

/** Undoes what was tried, and says what is tried next. Null: the failure is the VM's own. */
async function nextWay(ctx: Context, start: Start, way: Way, plan: StartPlan, error: unknown): Promise<Way | null> {
  const template = way.kind === "save" && isTemplates(start, error) ? way.template : null;
  if (plan.signal.aborted || (way.kind !== "spare" && template === null)) return null;
  await ctx.unlessReleased();
  const { vm, change } = start;
  const why = toBangerError(error).message;
  change.step("undo");
  await start.live?.vm.kill();
  if (way.kind === "spare") await way.abandon();
  await clearAway(ctx, vm);
  ctx.store.processes.clear(vm.id);
  start.live = null;
  start.isRestoring = false;
  if (way.kind === "spare") {
    ctx.log.info("a VM that was held ready is no use", { vm: vm.name, why });
    return { ...plan.origin, hasDisk: false };
  }
  if (way.kind === "save" && template) blameTemplate(ctx, template, way, error, plan.emit);
  plan.held?.dispose();
  return { ...cold(`its template could not be restored: ${why}`), hasDisk: false };
}

/** Its files are gone, or something went wrong once they were loaded; what the guest itself refuses is not about them. */
function isTemplates({ isRestoring }: Start, error: unknown): boolean {
  if (isError(error, "AGENT_REFUSED") || isError(error, "DISK_FULL")) return false;
  return isRestoring || (error as { code?: unknown } | null)?.code === "ENOENT";
}

function beginStart(ctx: Context, stale: VmRecord, { phases, creating }: StartPlan): Start {
  const change = ctx.store.transaction(() => {
    const generation = freshVm(ctx, stale).generation + 1;
    ctx.store.vms.change(stale.id, { state: "starting", generation, failure: null, startedAt: null, troubles: [] });
    ctx.store.processes.clear(stale.id);
    return ctx.store.journal.begin("start", stale.id, "prepare");
  });
  tell(ctx, stale.id, "");
  const vm = freshVm(ctx, stale);
  return {
    vm,
    change,
    creating: creating ?? null,
    phases: phases ?? new Phases(ctx.clock),
    isRestoring: false,
    live: null,
  };
}

/** A start that another daemon began and whose VMM still runs: greet it and finish. */
export async function resumeStart(
  ctx: Context,
  vm: VmRecord,
  live: LiveVm,
  change: OpenChange,
  { goesOn, signal }: { goesOn: boolean; signal: AbortSignal },
): Promise<void> {
  try {
    // a restored one may not have begun to run
    await live.vm.resume();
    await reachAgent(ctx, vm, live, {
      inherited: await ctx.inheritance(),
      goesOn,
      signal,
      limitMs: ctx.timings.agentMs,
    });
    await growGuest(ctx, live, vm, null);
  } catch (error) {
    throw await failedStart(ctx, vm, live, change, { error, signal });
  }
  finishStart(ctx, vm, change, "adopted while it started");
}
