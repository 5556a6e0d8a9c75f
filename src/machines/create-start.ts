/** Making a VM that is started as soon as it is made: `vm run`'s way, and the one that has to be fast. */
import { parseVmName } from "../base/names.ts";
import type { Emit } from "../model/event.ts";
import type { VmRecord } from "../model/vm.ts";
import { prepareArtifacts, type ReadyArtifacts } from "./artifacts.ts";
import type { Context } from "./context.ts";
import { type CreateRequest, decideSpec, type Made, orForget, requireFreeName, reserveVm } from "./create.ts";
import { deleteVm } from "./delete.ts";
import { sayingDiskFull } from "./disk-full.ts";
import type { LiveVm } from "./live.ts";
import { cold, type Origin, type SavedOrigin } from "./origin.ts";
import { Phases } from "./phases.ts";
import { putOffSpare, takeSpare } from "./spare.ts";
import type { Spare } from "./spares.ts";
import { startVm } from "./start.ts";
import { keyOf, originOf } from "./templates.ts";

export type CreateStart = {
  request: CreateRequest;
  /** boot it, whatever templates there are */
  cold: boolean;
  emit: Emit;
  signal: AbortSignal;
};

/** A VM that fails before its guest ran leaves nothing behind. @throws what deciding, making and starting throw */
export async function createAndStart(ctx: Context, plan: CreateStart): Promise<{ vm: VmRecord; live: LiveVm }> {
  const { request, emit } = plan;
  const phases = new Phases(ctx.clock);
  putOffSpare(ctx);
  if (request.name !== undefined) requireFreeName(ctx, parseVmName(request.name));
  const decided = await decideSpec(ctx, request, emit);
  phases.mark("decide");
  const artifacts = await prepareArtifacts(ctx, decided.spec);
  phases.mark("image");
  const spare = plan.cold ? null : await spareFor(ctx, request, decided.spec, artifacts);
  phases.mark("spare");
  const made = await reserve(ctx, request, decided, spare);
  phases.mark("record");
  const live = await ctx.operations.run(made.vm, "create", (interrupted) =>
    start(ctx, { made, spare, artifacts, phases }, { ...plan, signal: AbortSignal.any([plan.signal, interrupted]) }),
  );
  return { vm: made.vm, live };
}

async function spareFor(ctx: Context, { ephemeral }: CreateRequest, spec: VmRecord["spec"], artifacts: ReadyArtifacts) {
  if (!ctx.spares.current) return null;
  return takeSpare(ctx, { key: await keyOf(ctx, { spec, artifacts }), spec, ephemeral });
}

async function reserve(
  ctx: Context,
  ...[request, decided, spare]: [CreateRequest, Parameters<typeof reserveVm>[2], Spare | null]
) {
  try {
    return await reserveVm(ctx, request, decided, spare?.id ?? ctx.randomId());
  } catch (error) {
    await spare?.end();
    throw error;
  }
}

type Parts = { made: Made; spare: Spare | null; artifacts: ReadyArtifacts; phases: Phases };

async function start(ctx: Context, { made, spare, artifacts, phases }: Parts, plan: CreateStart): Promise<LiveVm> {
  const { vm, change } = made;
  const { emit, signal } = plan;
  using held = new DisposableStack();
  const parts = { vm, spare, artifacts, held };
  const { origin, taken } = await orForget(ctx, vm, signal, () => prepare(ctx, parts, plan));
  phases.mark("template");
  try {
    const how = { origin, held, spare: taken, hasDisk: false, artifacts, phases, creating: change, emit, signal };
    return await startVm(ctx, vm, how);
  } catch (error) {
    const left = ctx.store.vms.byId(vm.id);
    if (left?.state === "stopped") await deleteVm(ctx, left);
    throw error;
  }
}

/** What the VM begins from, and its folder; a spare that is of no use for it is ended. */
async function prepare(
  ctx: Context,
  { vm, spare, artifacts, held }: Pick<Parts, "spare" | "artifacts"> & { vm: VmRecord; held: DisposableStack },
  plan: CreateStart,
): Promise<{ origin: Origin; taken: Spare | null }> {
  let isTaken = false;
  try {
    const wanted = { spec: vm.spec, artifacts };
    const origin = plan.cold ? cold("as was asked") : await originOf(ctx, wanted, { ...plan, held });
    if (plan.signal.aborted) throw plan.signal.reason;
    isTaken = spare !== null && origin.kind === "save" && isOf(spare, origin);
    return { origin, taken: isTaken ? spare : null };
  } finally {
    if (!isTaken) {
      await ctx.unlessReleased();
      await spare?.end();
      const { directory } = ctx.paths.vm(vm.id);
      await sayingDiskFull(ctx, directory, "making the VM's folder", () => ctx.files.ensureFolder(directory));
    }
  }
}

/** A template that was made anew has the same key. */
function isOf({ key, save }: Spare, origin: SavedOrigin): boolean {
  return origin.template === key && origin.save.record.memoryStamp === save["memoryStamp"];
}
